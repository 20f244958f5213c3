package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What is told of a step, for requests that ask for it. */
final class StepFrame {
  private static final String MASK = "░";

  private final Served served;

  StepFrame(Served served) {
    this.served = served;
  }

  /**
   * One step.
   *
   * @param range where the text stands
   * @param leftOut steps that were not told, since the reader was slower than they came
   */
  ObjectNode of(Writing.Step step, TextRange range, long leftOut) {
    Snapshot snapshot = step.snapshot();
    ObjectNode frame = JsonNodeFactory.instance.objectNode();
    put(frame.putObject("at"), snapshot.at());
    frame.put("text_start", range.start());
    commits(frame.putArray("commits"), snapshot.commits());
    commits(frame.putArray("edits"), snapshot.edits());
    ArrayNode remasked = frame.putArray("remasked");
    for (int position : snapshot.remasked()) {
      remasked.add(position);
    }
    ArrayNode noise = frame.putArray("noise");
    snapshot.noise().forEach(each -> noise.add(each.position()));
    frame.put("masked_left", snapshot.openLeft());
    frame.put("nfe", step.forwards());
    frame.put("left_out", leftOut);
    frame.put("canvas", text(snapshot.canvas(), range));
    return frame;
  }

  /** Where a run is, by the names that requests give it back by. */
  static ObjectNode put(ObjectNode json, Cursor at) {
    return json.put("step", at.step())
        .put("block", at.block())
        .put("step_in_block", at.stepInBlock())
        .put("steps_full", at.stepsFull());
  }

  private void commits(ArrayNode array, List<Commit> commits) {
    for (Commit commit : commits) {
      array
          .addObject()
          .put("position", commit.position())
          .put("token", commit.token())
          .put("text", served.piece(commit.token()))
          .put("confidence", commit.confidence());
    }
  }

  /** The text of a range, with its masks shown, up to what ends it. */
  String text(CanvasImage canvas, TextRange range) {
    StringBuilder text = new StringBuilder();
    for (int position = range.start(); position < range.end(); position++) {
      boolean stop = served.language().specials().isStop(canvas.id(position));
      if (stop && range.endsAtStop() && canvas.state(position) == CellState.COMMITTED) {
        break;
      }
      text.append(stop ? "" : piece(canvas, position));
    }
    return text.toString();
  }

  /** What stands at a position. */
  String piece(CanvasImage canvas, int position) {
    int id = canvas.id(position);
    boolean masked =
        canvas.state(position).isOpen()
            || (canvas.state(position) == CellState.FIXED
                && id == served.language().specials().maskId());
    return masked ? MASK : served.piece(id);
  }
}
