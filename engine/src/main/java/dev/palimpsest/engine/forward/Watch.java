package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What is looked at and changed in a step.
 *
 * @param looked positions that the probe wants of each query
 * @param patched positions that each patch changes of each query
 * @param watched positions of each query that are either
 */
record Watch(
    Optional<Probe> probe,
    List<int[]> looked,
    List<Patcher.Loaded> patches,
    List<List<int[]>> patched,
    List<int[]> watched) {
  private static final int[] NOWHERE = {};

  static Watch of(List<Query> queries, Optional<Probe> probe, List<Patcher.Loaded> patches) {
    List<int[]> looked = new ArrayList<>();
    List<List<int[]>> patched = new ArrayList<>();
    patches.forEach(_ -> patched.add(new ArrayList<>()));
    List<int[]> watched = new ArrayList<>();
    for (Query query : queries) {
      List<int[]> all = new ArrayList<>();
      int[] wanted = probe.map(each -> each.selection().positions(query)).orElse(NOWHERE);
      looked.add(wanted);
      all.add(wanted);
      for (int i = 0; i < patches.size(); i++) {
        int[] changed = patches.get(i).positions(query);
        patched.get(i).add(changed);
        all.add(changed);
      }
      watched.add(patches.isEmpty() ? wanted : union(all));
    }
    return new Watch(probe, looked, patches, patched, watched);
  }

  /** Whether the step can be computed as if no one were there. */
  boolean isIdle() {
    return watched.stream().allMatch(positions -> positions.length == 0);
  }

  /** What copies the wanted activations, if there is a probe. */
  Optional<Recorder> recorder(ModelSpec spec, RaggedBatch batch, StepArena arena, Backend backend) {
    return probe.map(each -> Recorder.of(each.hooks(), looked, spec, batch, arena, backend));
  }

  /** What reaches in and looks on, in this order at every point. */
  Hooks hooks(
      Optional<Recorder> recorder,
      ModelSpec spec,
      RaggedBatch batch,
      StepArena arena,
      Backend backend) {
    Hooks looks = recorder.isPresent() ? recorder.get() : Hooks.NONE;
    return patches.isEmpty()
        ? looks
        : Hooks.both(Patcher.of(patches, patched, spec, batch, arena, backend), looks);
  }

  /** The positions that any of some lists has, ascending. */
  private static int[] union(List<int[]> lists) {
    return lists.stream().flatMapToInt(IntStream::of).sorted().distinct().toArray();
  }
}
