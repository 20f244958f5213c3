package dev.palimpsest.app.compare;

import dev.palimpsest.api.HandedOn;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.api.SerialDepth;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.model.TensorNames;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Denoiser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** A model of this process, asked by a driver that keeps so many requests under way. */
final class LocalRace implements Race {
  private final Model model;
  private final SamplingOptions options;
  private final SpecialTokenOptions specialTokens;
  private final Pattern pattern;
  private final Denoiser denoiser;
  private final Generator generator;
  private long stepBytes;

  /** A contestant whose model stays the caller's: others may be asked of it too. */
  LocalRace(
      LanguageModel language,
      SamplingOptions options,
      SpecialTokenOptions specialTokens,
      Pattern pattern) {
    model = language.model();
    this.options = options;
    this.specialTokens = specialTokens;
    this.pattern = pattern;
    denoiser =
        model
            .transformer()
            .watched(_ -> stepBytes = Math.max(stepBytes, model.transformer().lastStepBytes()));
    generator = language.generator(denoiser);
  }

  /**
   * Checks that a contestant's files are there and fit together, and that its sampler takes the
   * options and fits the model, before any weight is loaded.
   *
   * @param notice is told what in the files is not used
   */
  static void requireReady(Contestant.Local local, Consumer<String> notice) {
    Path folder = local.folder();
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Tokenizer _ = Tokenizer.open(folder)) {
      ModelSpec published = Families.spec(checkpoint.config(), notice);
      GenerationConfig recommended = GenerationConfig.read(folder, published, notice);
      ModelSpec spec = published.recommended(recommended, local.blocks());
      TensorNames names = Families.of(checkpoint.config()).tensors();
      checkpoint.requireExactly(
          names.shapes(spec, checkpoint.names()), names.ties(spec), names::skips);
      checkpoint.tellOfBuffers(notice);
      SamplingOptions options = SamplerDefaults.complete(local.options(), spec, recommended, 0);
      ModelTraits.limits(spec).requireFit(options);
    }
  }

  @Override
  public String backend() {
    return model.transformer().describeBackend();
  }

  @Override
  public String sampler() {
    return options.samplerName();
  }

  @Override
  public Map<String, Object> options() {
    return options.toMap();
  }

  @Override
  public Optional<HandedOn> handedOn() {
    return Optional.of(HandedOn.of(model.spec(), options));
  }

  @Override
  public Optional<String> refusal(Problem problem) {
    try {
      Run _ = generator.run(specialTokens.ids(model, problem.prompt()), options);
      return Optional.empty();
    } catch (InvalidOptionException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public void close() {
    // The model is the caller's.
  }

  /** The KV cache is emptied first: the run before may have asked for the same prompts. */
  @Override
  public Result run(List<Problem> problems, int concurrency) {
    model.transformer().clearKvCache();
    stepBytes = 0;
    SortedMap<Integer, Answer> answers = new TreeMap<>();
    long started = System.nanoTime();
    new Driver(denoiser)
        .run(
            IntStream.range(0, problems.size()).mapToObj(index -> ask(index, problems)).iterator(),
            concurrency,
            (asked, generation) ->
                answers.put(
                    asked.index(),
                    answer(problems.get(asked.index()), generation, asked.listener())));
    double seconds = (System.nanoTime() - started) / 1e9;
    Transformer transformer = model.transformer();
    Memory memory = new Memory(transformer.weightBytes(), transformer.kvCacheBytes(), stepBytes);
    return new Result(seconds, Optional.of(memory), List.copyOf(answers.values()));
  }

  private Asked ask(int index, List<Problem> problems) {
    int[] prompt = specialTokens.ids(model, problems.get(index).prompt());
    return new Asked(index, generator.run(prompt, options), new StepTimes());
  }

  private Answer answer(Problem problem, Generation generation, StepTimes times) {
    String text = model.tokenizer().decode(generation.tokens(), true);
    return new Answer(
        problem.id(),
        problem.isAnsweredBy(text, pattern),
        OptionalInt.of(generation.promptLength()),
        generation.tokens().length,
        OptionalInt.of(generation.forwards()),
        OptionalInt.of(generation.idleSteps()),
        times.blockSteps(),
        Optional.of(
            SerialDepth.of(model.spec(), options, generation.promptLength(), times.blockSteps())),
        OptionalDouble.of(generation.firstSnapshotNanos() / 1e9),
        times.toFirstCommit(generation.promptLength() + generation.tokens().length),
        generation.totalNanos() / 1e9,
        times.micros());
  }

  /** A request that is under way. */
  private record Asked(int index, Run run, StepTimes listener) implements Request {}

  /** When each step ended, and the lowest position that it filled. */
  static final class StepTimes implements SnapshotListener {
    private final List<Long> nanos = new ArrayList<>();
    private final List<Integer> lowest = new ArrayList<>();
    private final SortedMap<Integer, Integer> stepsOfBlocks = new TreeMap<>();

    @Override
    public void snapshot(Snapshot snapshot) {
      nanos.add(snapshot.elapsedNanos());
      if (snapshot.forwards() > 0) {
        stepsOfBlocks.merge(snapshot.block(), 1, Integer::sum);
      }
      lowest.add(
          snapshot.commits().stream().mapToInt(Commit::position).min().orElse(Integer.MAX_VALUE));
    }

    /** Steps with a forward, of each block in order. */
    List<Integer> blockSteps() {
      return List.copyOf(stepsOfBlocks.values());
    }

    /** Seconds to the first step that filled a position before {@code end}, if one did. */
    OptionalDouble toFirstCommit(int end) {
      return IntStream.range(0, nanos.size())
          .filter(step -> lowest.get(step) < end)
          .mapToDouble(step -> nanos.get(step) / 1e9)
          .findFirst();
    }

    /** Microseconds from each step to the next. */
    int[] micros() {
      return Answer.micros(nanos.stream().mapToLong(Long::longValue).toArray());
    }
  }
}
