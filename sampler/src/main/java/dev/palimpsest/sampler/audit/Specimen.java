package dev.palimpsest.sampler.audit;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.List;

/**
 * A generation under audit, as it first went: what every step read, asked, was told and did.
 *
 * @param befores the canvas that each step read
 * @param snapshots of the steps
 * @param last the canvas at the end
 */
public record Specimen(List<CanvasImage> befores, List<Snapshot> snapshots, CanvasImage last) {
  /** Takes its own copies. */
  public Specimen {
    befores = List.copyOf(befores);
    snapshots = List.copyOf(snapshots);
  }

  /** Generates alone, as a user would. */
  public static Specimen generate(Run run, Denoiser denoiser) {
    return generate(run, denoiser, List.of());
  }

  /**
   * Generates in a batch.
   *
   * @param company other runs; the first of them is there from the beginning, and another joins
   *     after each step
   */
  static Specimen generate(Run run, Denoiser denoiser, List<Run> company) {
    List<CanvasImage> befores = new ArrayList<>();
    List<Snapshot> snapshots = new ArrayList<>();
    befores.add(run.canvas());
    Driver driver = new Driver(denoiser);
    List<Run> waiting = new ArrayList<>(company);
    if (!waiting.isEmpty()) {
      driver.submit(waiting.removeFirst(), _ -> {});
    }
    driver.submit(
        run,
        snapshot -> {
          snapshots.add(snapshot);
          befores.add(snapshot.canvas());
          if (!waiting.isEmpty()) {
            driver.submit(waiting.removeFirst(), _ -> {});
          }
        });
    driver.run(run::finished);
    CanvasImage last = befores.removeLast();
    return new Specimen(befores, snapshots, last);
  }

  /** How many steps it took. */
  public int steps() {
    return snapshots.size();
  }

  /** Where the run was before a step. */
  Cursor at(int step) {
    return snapshots.get(step).at();
  }

  /** What is not the same in a step that was done again; empty if every bit is. */
  static String difference(Snapshot first, Snapshot again) {
    if (!first.at().equals(again.at())) {
      return "it was taken at " + again.at() + " instead of " + first.at();
    }
    List<Prediction> told = first.predictions();
    if (told.size() != again.predictions().size()) {
      return "it asked for %d positions instead of %d"
          .formatted(again.predictions().size(), told.size());
    }
    for (int row = 0; row < told.size(); row++) {
      if (!told.get(row).equals(again.predictions().get(row))) {
        return "position %d was predicted as %s instead of %s"
            .formatted(first.rows()[row], again.predictions().get(row), told.get(row));
      }
    }
    return first.canvas().equals(again.canvas()) ? "" : "it wrote another canvas";
  }
}
