package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.trace.ViewerPage;
import dev.palimpsest.lab.battery.Battery;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.sampler.trace.Trace;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Pages with every step of a text, for the first problems.
 *
 * @param folder of the battery
 * @param count of the problems that have one
 * @param answer finds the answer in a text
 */
record ProblemPages(Path folder, int count, Pattern answer) {

  void write(Battery.Done done) throws IOException {
    if (done.result().item() < count) {
      Path page = folder.resolve(name(done.result()));
      Files.createDirectories(page.getParent());
      Trace trace =
          Trace.read(
              new ByteArrayInputStream(done.trace()),
              done.result().model() + " " + done.result().id());
      Replacement.write(page, ViewerPage.of(List.of(trace), answer));
    }
  }

  /** The page of a text, from the folder, if there is one. */
  static Optional<String> of(Path folder, ItemResult result) {
    return Optional.of(name(result)).filter(name -> Files.exists(folder.resolve(name)));
  }

  private static String name(ItemResult result) {
    return "pages/" + encoded(result.model()) + "-" + encoded(result.id()) + ".html";
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
