package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Patch;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.step.Query;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Changes activations while a step runs. */
final class Patcher implements Hooks {
  private final Backend backend;
  private final List<Change> changes;

  private Patcher(Backend backend, List<Change> changes) {
    this.backend = backend;
    this.changes = changes;
  }

  /** A patch whose values are where the backend computes. */
  record Loaded(Patch patch, int rows, Weight values) {
    /**
     * Copies a patch's values to the backend, which holds them until it is closed.
     *
     * @throws IllegalArgumentException if they do not fit the hook
     */
    static Loaded of(Patch patch, ModelSpec spec, Backend backend) {
      int block = Math.min(patch.hook().block(), spec.layers() - 1);
      int width = new Hook(patch.hook().point(), block).width(spec);
      int count = patch.values().length;
      int rows = count / width;
      if (patch.hook().block() >= spec.layers() || rows == 0 || count % width != 0) {
        throw new IllegalArgumentException(
            "%s is to be changed by %d numbers: a model with %d blocks has rows of %d there"
                .formatted(patch.hook().name(), count, spec.layers(), width));
      }
      if (patch.action() == Patch.Action.ADD && rows > 1) {
        throw new IllegalArgumentException(
            "%s is to have %d rows added: one vector can be, which is added at every position"
                .formatted(patch.hook().name(), rows));
      }
      return new Loaded(
          patch,
          rows,
          switch (patch.action()) {
            case ADD -> backend.table(1, width, patch.values());
            case SET ->
                backend.weight(
                    List.of(
                        new Tensor(
                            patch.hook().name(),
                            DType.F32,
                            List.of((long) rows, (long) width),
                            MemorySegment.ofArray(patch.values()))));
          });
    }

    /**
     * Where a query is changed.
     *
     * @throws IllegalArgumentException if the patch has neither one row nor one for each of them
     */
    int[] positions(Query query) {
      int[] positions = patch.selection().positions(query);
      if (rows > 1 && positions.length > 0 && positions.length != rows) {
        throw new IllegalArgumentException(
            "%s is to be changed at %d positions by %d rows: give one row, or one for each position"
                .formatted(patch.hook().name(), positions.length, rows));
      }
      return positions;
    }
  }

  /**
   * What is done in this step.
   *
   * @param rows of the activations
   * @param sources the row of the values for each of them
   * @param scratch [rows, columns]
   */
  private record Change(Loaded loaded, int[] rows, int[] sources, Activation scratch) {}

  /**
   * A patcher with its memory.
   *
   * @param positions of each patch in each query
   */
  static Patcher of(
      List<Loaded> patches,
      List<List<int[]>> positions,
      ModelSpec spec,
      RaggedBatch batch,
      StepArena arena,
      Backend backend) {
    List<Change> changes = new ArrayList<>();
    for (int i = 0; i < patches.size(); i++) {
      Loaded loaded = patches.get(i);
      Hook hook = loaded.patch().hook();
      boolean asked = hook.point().isOfQueries() && hook.block() == spec.layers() - 1;
      IntList rows = new IntList(0);
      IntList sources = new IntList(0);
      for (int sequence = 0; sequence < positions.get(i).size(); sequence++) {
        int[] at = positions.get(i).get(sequence);
        int[] found = batch.watched().get(sequence).rows(at, asked);
        for (int j = 0; j < found.length; j++) {
          rows.add(found[j]);
          sources.add(loaded.rows() == 1 ? 0 : j);
        }
      }
      int[] all = rows.toArray();
      if (all.length > 0) {
        changes.add(
            new Change(
                loaded, all, sources.toArray(), arena.allocate(all.length, hook.width(spec))));
      }
    }
    return new Patcher(backend, changes);
  }

  @Override
  public void at(Point point, int block, Activation x) {
    for (Change change : changes) {
      Patch patch = change.loaded().patch();
      if (patch.hook().point() == point && patch.hook().block() == block) {
        switch (patch.action()) {
          case ADD -> {
            backend.gather(x, change.rows(), change.scratch());
            backend.addToRows(change.scratch(), change.loaded().values());
          }
          case SET -> backend.embed(change.sources(), change.loaded().values(), change.scratch());
        }
        backend.scatter(change.scratch(), change.rows(), x);
      }
    }
  }
}
