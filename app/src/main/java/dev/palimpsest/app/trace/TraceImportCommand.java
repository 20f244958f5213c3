package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code trace import}: what another model showed of its canvas, as a trace of texts. */
@Command(
    name = "import",
    description = {
      "Makes a trace of the text frames of another model.",
      "The frames are a JSON object a line, or server-sent events: {\"text\": ...} with the whole"
          + " text; Mercury's stream with \"diffusing\": true; Unsloth's diffusion_frame events;"
          + " drafts of transformers, {\"draft\": ...} and {\"put\": ...}. The trace has texts and"
          + " no tokens: what is measured of tokens is not measured on it."
    },
    mixinStandardHelpOptions = true)
final class TraceImportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FRAMES", description = "The recorded frames.")
  private Path file;

  @Option(
      names = "--to",
      paramLabel = "FILE",
      required = true,
      description = "The trace, NAME.trace.jsonl. Replaced if it exists.")
  private Path target;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "What was asked; `trace stats` finds the right answer by it.")
  private Optional<String> prompt;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "The model's name; the stream's own if not given.")
  private Optional<String> model;

  @Option(
      names = "--mask",
      paramLabel = "TEXT",
      description = "What stands in the frames for a token that is not written yet, as [MASK].")
  private Optional<String> mask;

  @Override
  public Integer call() throws IOException {
    if (!TraceFiles.isTrace(target) || target.toString().endsWith(".zst")) {
      throw new ParameterException(
          spec.commandLine(), "--to " + target + " is no name of a trace: use NAME.trace.jsonl");
    }
    if (mask.filter(String::isEmpty).isPresent()) {
      throw new ParameterException(spec.commandLine(), "--mask is empty: give the mask's text");
    }
    if (!Files.isRegularFile(file)) {
      throw new TraceException(file + ": there is no such file.");
    }
    Replacement.requireNoInput(spec, "--to", target, List.of(file));
    Frames read = Frames.read(file);
    Frames frames = mask.map(text -> read.withMask(text, TextTrace.MASK)).orElse(read);
    TextTrace trace =
        new TextTrace(
            target.toString(),
            new TextTrace.Source(
                Cli.VERSION,
                frames.format().name().toLowerCase(Locale.ROOT),
                Sha256.of(file),
                model.or(frames::model),
                prompt),
            frames.texts(),
            Optional.empty());
    Replacement.write(
        target,
        temporary -> {
          try (OutputStream out = Files.newOutputStream(temporary)) {
            trace.write(out);
          }
        });
    System.out.printf(
        "%s: %d frames of %s%n", target, trace.frames().size(), trace.source().format());
    return 0;
  }
}
