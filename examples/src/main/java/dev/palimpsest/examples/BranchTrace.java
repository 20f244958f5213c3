package dev.palimpsest.examples;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.Trace;
import java.nio.file.Path;

/**
 * What would have been written if a token had been another: {@code BranchTrace FOLDER TRACE STEP
 * POSITION TOKEN} replaces the token at a position of the text before a step of a recorded
 * generation, and lets the sampler go on from there.
 */
public final class BranchTrace {
  private BranchTrace() {}

  /** Runs it. */
  public static void main(String[] arguments) {
    Trace trace = Trace.readWhole(Path.of(arguments[1]));
    int step = Integer.parseInt(arguments[2]);
    int position = Integer.parseInt(arguments[3]);
    try (LanguageModel model = LanguageModel.load(Path.of(arguments[0]))) {
      Sampler sampler = trace.optionsBefore(step).sampler(model.specials());
      Canvas canvas = new Canvas(trace.canvasBefore(step), model.specials().maskId());
      canvas.edit(
          canvas.promptLength() + position, model.model().tokenizer().encode(arguments[4])[0]);
      SamplerRun branch = SamplerRun.resume(sampler, canvas.image(), trace.cursorBefore(step));
      Request request = Request.of(branch, SnapshotListener.NONE);
      System.out.println(model.text(model.generator().generate(request)).text());
    }
  }
}
