package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Jetty as it is set up here: every request on a virtual thread, every error in one shape. */
final class HttpServer implements AutoCloseable {
  private static final int IDLE_MILLIS = 30_000;
  private static final int HEADER_BYTES = 16 * 1024;

  private final Server server;
  private final ServerConnector connector;

  /**
   * A server, which {@link #start} begins.
   *
   * @param port 0 for any that is free
   */
  HttpServer(String host, int port, Handler handler, RequestLog accessLog) {
    QueuedThreadPool threads = new QueuedThreadPool();
    threads.setName("palimpsest-http");
    threads.setVirtualThreadsExecutor(
        VirtualThreads.getNamedVirtualThreadsExecutor("palimpsest-request-"));
    server = new Server(threads);
    HttpConfiguration configuration = new HttpConfiguration();
    configuration.setSendServerVersion(false);
    configuration.setRequestHeaderSize(HEADER_BYTES);
    connector = new WatchedConnector(server, new HttpConnectionFactory(configuration));
    connector.setHost(host);
    connector.setPort(port);
    connector.setIdleTimeout(IDLE_MILLIS);
    server.addConnector(connector);
    server.setHandler(handler);
    server.setErrorHandler(new Errors());
    server.setRequestLog(accessLog);
    server.setStopTimeout(0);
  }

  /** Begins to take requests. */
  void start() throws IOException {
    try {
      server.start();
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Where it listens. */
  InetSocketAddress address() {
    return new InetSocketAddress(
        connector.getHost() == null ? "0.0.0.0" : connector.getHost(), connector.getLocalPort());
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (Exception e) {
      throw new UncheckedIOException(new IOException(e.getMessage(), e));
    }
  }

  /** Errors that no route has seen, as of a request that is no HTTP. */
  private static final class Errors extends ErrorHandler {
    @Override
    protected void generateResponse(
        Request request,
        Response response,
        int code,
        String message,
        Throwable cause,
        Callback callback) {
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
      response.write(true, body(code), callback);
    }

    private static ByteBuffer body(int status) {
      RequestException error =
          new RequestException(
              status,
              status < HttpStatus.INTERNAL_SERVER_ERROR_500
                  ? "invalid_request_error"
                  : "server_error",
              "The request cannot be taken: %s.".formatted(HttpStatus.getMessage(status)),
              Optional.empty(),
              Optional.empty());
      return ByteBuffer.wrap(error.body().toString().getBytes(StandardCharsets.UTF_8));
    }
  }
}
