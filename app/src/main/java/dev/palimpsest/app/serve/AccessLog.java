package dev.palimpsest.app.serve;

import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.NanoTime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A line for every answer: who asked for what, and how it went. Never what is in a body. */
final class AccessLog implements RequestLog {
  private static final Logger LOG = LoggerFactory.getLogger("access");

  @Override
  public void log(Request request, Response response) {
    LOG.info(
        "{} {} {} {} {} bytes {} ms",
        Request.getRemoteAddr(request),
        request.getMethod(),
        Request.getPathInContext(request).replaceAll("\\p{Cntrl}", "?"),
        response.getStatus(),
        Response.getContentBytesWritten(response),
        TimeUnit.NANOSECONDS.toMillis(NanoTime.since(request.getBeginNanoTime())));
  }
}
