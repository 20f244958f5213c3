package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.AnswerOptions;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code view}: traces as a page for the browser. */
@Command(
    name = "view",
    description = {
      "Writes traces as one HTML page.",
      "The page needs no network: play the traces, point at a token to see all that happened at"
          + " its position, compare two side by side."
    },
    mixinStandardHelpOptions = true)
public final class ViewCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "TRACE", arity = "1..*", description = "Trace files.")
  private List<Path> files = List.of();

  @Option(
      names = "--to",
      paramLabel = "FILE",
      description = "The page; if not given, the first trace's name with .html after it.")
  private Optional<Path> target;

  @Mixin private AnswerOptions answerOptions;

  @Override
  public Integer call() throws IOException {
    Pattern pattern = answerOptions.pattern();
    Path page = target.orElseGet(() -> Path.of(files.getFirst() + ".html"));
    Replacement.requireNoInput(spec, "--to", page, files);
    String html = ViewerPage.of(files.stream().map(Trace::readWhole).toList(), pattern);
    Replacement.write(page, html);
    System.out.println(page);
    return 0;
  }
}
