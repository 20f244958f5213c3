package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.TensorNames;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.Generation;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.Snapshot;
import dev.palimpsest.sampler.SnapshotListener;
import dev.palimpsest.sampler.SpecialTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** A model of this process, asked by a driver that keeps so many requests under way. */
final class LocalRace implements Race {
  private final Model model;
  private final SamplingOptions options;
  private final Pattern pattern;
  private final Generator generator;

  LocalRace(Model model, SamplingOptions options, Pattern pattern) {
    this.model = model;
    this.options = options;
    this.pattern = pattern;
    generator =
        new Generator(
            model.transformer(),
            ModelLimits.of(model.spec()),
            SpecialTokens.of(model.spec(), model.endOfTurn()));
  }

  /**
   * Checks that a contestant's files are there and fit together, and that its sampler takes the
   * options and fits the model, before any weight is loaded.
   */
  static void requireReady(Contestant.Local local) {
    Path folder = local.folder();
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Tokenizer _ = Tokenizer.open(folder)) {
      ModelSpec published = Families.spec(checkpoint.config(), ModelOptions::tell);
      GenerationConfig recommended = GenerationConfig.read(folder, published, ModelOptions::tell);
      ModelSpec spec = published.recommended(recommended, local.blockLength());
      TensorNames names = Families.of(checkpoint.config()).tensors();
      checkpoint.requireExactly(names.shapes(spec, checkpoint.names()), names.ties(spec));
      checkpoint.tellOfBuffers(ModelOptions::tell);
      SamplingOptions options = SamplerDefaults.complete(local.options(), spec, recommended, 0);
      ModelLimits.of(spec).requireFit(options);
    }
  }

  @Override
  public Result run(List<Problem> problems, int concurrency) {
    Driver driver = new Driver(model.transformer());
    SortedMap<Integer, Answer> answers = new TreeMap<>();
    List<Running> running = new ArrayList<>();
    int submitted = 0;
    long started = System.nanoTime();
    while (submitted < problems.size() || !running.isEmpty()) {
      while (running.size() < concurrency && submitted < problems.size()) {
        int[] prompt = model.prompt(problems.get(submitted).prompt());
        StepTimes times = new StepTimes();
        running.add(
            new Running(submitted, driver.submit(generator.run(prompt, options), times), times));
        submitted++;
      }
      driver.step();
      running.removeIf(
          each -> {
            Generation generation = each.ticket().generation();
            if (generation.complete()) {
              answers.put(
                  each.index(), answer(problems.get(each.index()), generation, each.times()));
            }
            return generation.complete();
          });
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    return new Result(List.copyOf(answers.values()), seconds);
  }

  private Answer answer(Problem problem, Generation generation, StepTimes times) {
    String text = model.tokenizer().decode(generation.tokens(), true);
    return new Answer(
        problem.isAnsweredBy(text, pattern),
        OptionalInt.of(generation.promptLength()),
        generation.tokens().length,
        OptionalInt.of(generation.forwards()),
        OptionalDouble.of(generation.firstSnapshotNanos() / 1e9),
        times.firstCommit / 1e9,
        times.gaps(),
        generation.totalNanos() / 1e9);
  }

  /** A request that is under way. */
  private record Running(int index, Driver.Ticket ticket, StepTimes times) {}

  /** When each step ended, and when the first token was committed. */
  private static final class StepTimes implements SnapshotListener {
    private final LongStream.Builder steps = LongStream.builder();
    private long firstCommit = -1;

    @Override
    public void snapshot(Snapshot snapshot) {
      steps.add(snapshot.elapsedNanos());
      if (firstCommit < 0 && !snapshot.commits().isEmpty()) {
        firstCommit = snapshot.elapsedNanos();
      }
    }

    /** Seconds from each step to the next. */
    double[] gaps() {
      long[] nanos = steps.build().toArray();
      return IntStream.range(1, nanos.length)
          .mapToDouble(step -> (nanos[step] - nanos[step - 1]) / 1e9)
          .toArray();
    }
  }
}
