package dev.palimpsest.app.serve;

import dev.palimpsest.app.trace.ViewerPage;
import dev.palimpsest.lab.answer.Spans;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;

/** {@code /v1/traces/ID}: the trace of a text, as a file and as a page. */
record TraceRoutes(TraceStore traces) {
  void file(Exchange exchange) throws IOException {
    byte[] file = Files.readAllBytes(traces.find(exchange.part(0)));
    exchange.header(
        "Content-Disposition", "inline; filename=\"" + exchange.part(0) + ".trace.jsonl\"");
    exchange.send(200, "application/jsonl; charset=utf-8", file);
  }

  void view(Exchange exchange) throws IOException {
    String page = ViewerPage.of(List.of(traces.read(exchange.part(0))), Spans.ANSWER);
    exchange.send(200, "text/html; charset=utf-8", page.getBytes(StandardCharsets.UTF_8));
  }
}
