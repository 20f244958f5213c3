package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * What does a probe cost that wants nothing? {@link ProbeBenchmark} measures its variants one after
 * the other, and what else the machine does meanwhile differs by more than that. Here one forward
 * of each, on one thread, makes a round, in random order. A JVM says the median over its rounds of
 * the difference from the forward without a probe, and the result is the mean over JVMs with
 * Student's 95 % interval. A second forward without a probe shows what cannot be told.
 */
public final class ProbeCost {
  private static final List<String> NAMES =
      List.of("without a probe", "without one, again", "with one for nothing", "with residuals");
  private static final int WARM_UP = 1500;
  private static final int[] NOWHERE = {};

  private ProbeCost() {}

  /**
   * Prints the time without a probe and the differences from it.
   *
   * @param args how many JVMs, at least two, and rounds of each; the rounds alone in such a JVM
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length == 1) {
      System.out.println(
          Arrays.stream(medians(Integer.parseInt(args[0])))
              .mapToObj(String::valueOf)
              .collect(Collectors.joining(" ")));
      return;
    }
    List<double[]> found = new ArrayList<>();
    for (int jvm = 0; jvm < Integer.parseInt(args[0]); jvm++) {
      found.add(inAnotherJvm(args[1]));
    }
    for (int variant = 0; variant < NAMES.size(); variant++) {
      int at = variant;
      System.out.printf(
          Locale.ROOT,
          "%-22s %s µs%n",
          NAMES.get(variant),
          described(found.stream().mapToDouble(each -> each[at]).toArray()));
    }
  }

  private static String described(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double squares = Arrays.stream(values).map(each -> (each - mean) * (each - mean)).sum();
    double half =
        TDistribution.of(values.length - 1).inverseSurvivalProbability(0.025)
            * Math.sqrt(squares / (values.length - 1) / values.length);
    return String.format(Locale.ROOT, "%8.1f [%.1f, %.1f]", mean, mean - half, mean + half);
  }

  private static double[] inAnotherJvm(String rounds) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), ProbeCost.class.getName(), rounds));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String line = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException("a JVM ended with " + process.exitValue());
    }
    return Arrays.stream(line.strip().split(" ", -1)).mapToDouble(Double::parseDouble).toArray();
  }

  /** Of the first variant the median time, of the others that of the difference from it, in µs. */
  private static double[] medians(int rounds) {
    Path folder = BenchModels.folder("");
    ModelSpec spec = BenchModels.spec(folder);
    List<Query> queries = BenchModels.queries(1, spec);
    List<Hook> hooks = Hook.named("blocks.*.hook_resid_post", spec.layers());
    double[][] times = new double[NAMES.size()][rounds];
    try (Transformer transformer = BenchModels.load(folder, Precision.F32, 1)) {
      List<Denoiser> variants =
          List.of(
              transformer,
              transformer,
              transformer.probed(new Probe(hooks, _ -> NOWHERE, _ -> {})),
              transformer.probed(new Probe(hooks, Query::rows, _ -> {})));
      List<Integer> order = new ArrayList<>(IntStream.range(0, variants.size()).boxed().toList());
      Random random = new Random(1);
      for (int round = -WARM_UP; round < rounds; round++) {
        Collections.shuffle(order, random);
        for (int variant : order) {
          long start = System.nanoTime();
          List<List<Prediction>> _ = variants.get(variant).predict(queries);
          times[variant][Math.max(0, round)] = (System.nanoTime() - start) / 1e3;
        }
      }
    }
    double[] medians = new double[times.length];
    for (int variant = 0; variant < times.length; variant++) {
      double[] differences = times[variant].clone();
      for (int round = 0; variant > 0 && round < rounds; round++) {
        differences[round] -= times[0][round];
      }
      Arrays.sort(differences);
      medians[variant] = differences[rounds / 2];
    }
    return medians;
  }
}
