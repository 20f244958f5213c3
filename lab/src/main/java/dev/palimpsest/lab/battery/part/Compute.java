package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What more or less computation is worth: the same problem with fewer steps ({@code steps}), and on
 * another canvas with as many steps a position ({@code canvas}), and in shorter blocks, between
 * which nothing but tokens passes ({@code blocks}, of one position at x 0). What is scaled is the
 * option of the sampler; what it lacks, or what the model cannot take, is left out.
 */
public record Compute() implements Part {
  private static final List<Double> STEPS = List.of(0.125, 0.25, 0.5, 1.0);
  private static final List<Double> BLOCKS = List.of(0.0, 0.125, 0.25, 0.5, 1.0);
  private static final List<Double> LENGTHS = List.of(0.75, 1.0, 1.5, 2.0);

  @Override
  public String name() {
    return "compute";
  }

  @Override
  public boolean needsAnswer() {
    return false;
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    Map<String, Object> options = solution.options().toMap();
    if (options.get("steps") instanceof Integer steps) {
      for (double part : STEPS) {
        observe(solution, "steps", part, Map.of("steps", scaled(steps, part, blocks(options))))
            .ifPresent(observed);
      }
    }
    if (options.get("gen_length") instanceof Integer length) {
      if (options.containsKey("block_length")) {
        blocks(solution, length, options, observed);
      }
      for (double part : LENGTHS) {
        Map<String, Object> changes = new LinkedHashMap<>();
        int block = options.get("block_length") instanceof Integer given ? given : length;
        boolean whole = block == length;
        int longer = scaled(length, part, whole ? 1 : length / block);
        changes.put("gen_length", longer);
        if (whole && options.containsKey("block_length")) {
          changes.put("block_length", longer);
        }
        if (options.get("steps") instanceof Integer steps) {
          changes.put("steps", Math.max(1, (int) ((long) steps * longer / length)));
        }
        observe(solution, "canvas", part, changes).ifPresent(observed);
      }
    }
  }

  /** Blocks of some lengths, each with as many steps a position as the whole. */
  private void blocks(
      Solution solution, int length, Map<String, Object> options, Consumer<Observation> observed) {
    for (double part : BLOCKS) {
      int block = Math.max(1, (int) Math.round(part * length));
      if (length % block == 0
          && options.get("steps") instanceof Integer steps
          && steps % (length / block) == 0) {
        observe(solution, "blocks", part, Map.of("block_length", block)).ifPresent(observed);
      }
    }
  }

  /** A part of a number, in whole blocks. */
  private static int scaled(int whole, double part, int blocks) {
    int unit = Math.max(1, whole % blocks == 0 ? blocks : 1);
    return Math.max(unit, (int) Math.round(whole * part / unit) * unit);
  }

  private static int blocks(Map<String, Object> options) {
    return options.get("gen_length") instanceof Integer length
            && options.get("block_length") instanceof Integer block
            && length % block == 0
        ? length / block
        : 1;
  }

  /** What comes of other options; of the same ones the text as it is. */
  private Optional<Observation> observe(
      Solution solution, String condition, double part, Map<String, Object> changes) {
    return solution
        .asked(solution.task().text(), changes)
        .map(
            run ->
                run.sampler().options().equals(solution.options())
                    ? solution.observe(name(), condition, solution.answer(), solution.nfe())
                    : solution.observe(name(), condition, solution.finish(run)))
        .map(each -> each.at(part));
  }
}
