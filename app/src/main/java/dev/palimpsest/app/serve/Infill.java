package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.CompletionRequest.RawPrompt;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.sampler.canvas.CellState;

/** Makes the canvas of a gap between a prompt and a suffix. */
record Infill(Served served, Jobs jobs) {

  /**
   * A text for a gap.
   *
   * @param alone whether the prompt gets what the tokenizer puts before a text
   * @param length of the gap, in tokens
   * @param text which of the texts, from 0
   * @throws RequestException if the model cannot take it
   */
  Job job(
      RawPrompt prompt,
      boolean alone,
      RawPrompt suffix,
      int length,
      GenerationParameters parameters,
      int text) {
    int[] before = Served.encoded("prompt", () -> prompt.ids(served.tokenizer(), alone));
    int[] after = Served.encoded("suffix", () -> suffix.ids(served.tokenizer(), false));
    long room = (long) served.language().limits().maxLength() - before.length - after.length;
    if (length > room) {
      throw RequestException.wrong(
          "length",
          "%d tokens between a prompt of %d and a suffix of %d are more than the %d that the model"
                  .formatted(
                      length, before.length, after.length, served.language().limits().maxLength())
              + " takes: use up to %d.".formatted(Math.max(0, room)));
    }
    CanvasBuilder canvas =
        new CanvasBuilder(served.language().specials().maskId())
            .add(before, CellState.PROMPT)
            .gap(length, CellState.MASKED)
            .add(after, CellState.FIXED);
    TextRange range = new TextRange(before.length, before.length + length, false);
    return jobs.between(canvas.canvas(), range, parameters, text);
  }
}
