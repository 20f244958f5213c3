package dev.palimpsest.app.serve;

import dev.palimpsest.app.trace.ViewerPage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The page at {@code /}: a prompt, and its canvas while it fills. Nothing in it is from elsewhere.
 */
final class LivePage {
  /** What may run in it, and where it may connect to. */
  static final String POLICY =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final byte[] page;

  LivePage() {
    try (InputStream in = LivePage.class.getResourceAsStream("live.html")) {
      if (in == null) {
        throw new IllegalStateException("live.html is not in the jar");
      }
      page =
          ViewerPage.dressed(new String(in.readAllBytes(), StandardCharsets.UTF_8))
              .getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void answer(Exchange exchange) throws IOException {
    exchange.header("Content-Security-Policy", POLICY);
    exchange.send(200, "text/html; charset=utf-8", page);
  }
}
