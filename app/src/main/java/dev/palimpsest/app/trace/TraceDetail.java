package dev.palimpsest.app.trace;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What a trace records beside what each step did. */
public final class TraceDetail {
  private static final int MOST = 1000;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--trace-predictions",
      description = "Record what the model predicted for every position a step asked about, too.")
  private boolean predictions;

  @Option(
      names = "--trace-alternatives",
      paramLabel = "K",
      defaultValue = "0",
      description =
          "Record the K most probable tokens of every such position, too, with their"
              + " probabilities.")
  private int alternatives;

  /** How many alternatives of a row are recorded. */
  int alternatives() {
    if (alternatives < 0 || alternatives > MOST) {
      throw new ParameterException(
          spec.commandLine(),
          "--trace-alternatives " + alternatives + " is invalid: use 0 to " + MOST);
    }
    return alternatives;
  }

  /** Whether predictions are recorded; alternatives are a part of them. */
  boolean withPredictions() {
    return predictions || alternatives() > 0;
  }
}
