package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Makes jobs of what requests say. */
final class Jobs {
  private final Served served;
  private final TraceStore traces;

  Jobs(Served served, TraceStore traces) {
    this.served = served;
    this.traces = traces;
  }

  /**
   * A text behind a prompt.
   *
   * @param text which of the prompt's texts, from 0
   * @param logprobs alternatives that are named for every token, if log-probabilities are wanted
   */
  Job behind(int[] prompt, GenerationParameters parameters, int text, OptionalInt logprobs) {
    Run run = served.run(prompt, parameters, text);
    return new Job(
        run,
        TextRange.behindPrompt(run),
        parameters.stop(),
        logprobs,
        OptionalInt.empty(),
        telling(parameters),
        recording(run, parameters));
  }

  /**
   * Texts between others: the masks of a canvas, each of which is filled.
   *
   * @param canvas of which every position is the prompt's, fixed or masked
   * @param range where the text stands that is answered with
   * @throws RequestException if the model does not see what stands behind a mask
   */
  Job between(CanvasImage canvas, TextRange range, GenerationParameters parameters, int text) {
    if (!(served.language().limits().pattern() instanceof AttentionPattern.Full)) {
      throw RequestException.malformed(
          "The model does not see what stands behind a gap, so it cannot fill one: this needs a"
              + " model whose attention goes both ways.");
    }
    Map<String, Object> values = parameters.options(text);
    int masks = canvas.positions(CellState.MASKED, canvas.promptLength(), canvas.length()).length;
    Object sampler = values.getOrDefault("sampler", served.language().limits().sampler());
    if (sampler.equals(LladaSampler.NAME)) {
      values.putIfAbsent("logits_eos_inf", true);
    }
    if (!values.containsKey("block_length")
        && SamplingOptions.SAMPLERS.contains(sampler)
        && SamplingOptions.names(sampler.toString()).contains("steps")) {
      values.putIfAbsent("steps", Math.max(1, masks));
    }
    Run run = on(canvas, Cursor.START, values, parameters);
    return new Job(
        run,
        range,
        parameters.stop(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        telling(parameters),
        recording(run, parameters));
  }

  /** A run over any canvas, which decides the number of positions. */
  Run on(
      CanvasImage canvas, Cursor at, Map<String, Object> values, GenerationParameters parameters) {
    values.put("gen_length", canvas.length() - canvas.promptLength());
    return served.run(
        parameters,
        generator -> {
          SamplingOptions options = served.language().options(values, canvas.promptLength());
          served.requireWithinLimits(options, parameters);
          return generator.run(canvas, at, options);
        });
  }

  private static Job.Telling telling(GenerationParameters parameters) {
    if (parameters.returnSteps()) {
      return Job.Telling.ALL;
    }
    boolean grows = parameters.streaming().wanted() || !parameters.stop().isEmpty();
    return grows ? Job.Telling.LATEST : Job.Telling.NONE;
  }

  private Optional<Recording> recording(Run run, GenerationParameters parameters) {
    return parameters.record() ? Optional.of(traces.begin(run)) : Optional.empty();
  }
}
