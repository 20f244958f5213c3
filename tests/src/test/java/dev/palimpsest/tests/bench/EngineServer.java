package dev.palimpsest.tests.bench;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.DecodeOptions;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.TokenDraw;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The engine's side of {@code docs/benchmarks/compare_pytorch.py} and {@code
 * compare_pytorch_decode.py}: takes one command a line on standard input and answers it in one
 * line, so that both sides can be measured in turns.
 *
 * <ul>
 *   <li>{@code describe DTYPE}: what computes
 *   <li>{@code forward DTYPE REPEATS IDS;IDS;…}: one forward over the sequences, asking for every
 *       masked row. Answers {@code nanos … | tokens … | probabilities …}
 *   <li>{@code generate DTYPE REPEATS GEN_LENGTH IDS;IDS;…}: one text after each prompt, a token a
 *       step. Answers {@code nanos … | IDS;IDS;…}
 *   <li>{@code decode DTYPE REPEATS GEN_LENGTH IDS;IDS;…}: by a causal model, greedily, up to a
 *       stop id; every repeat takes the next of the prompts, so that no keys are kept from the one
 *       before. Answers as {@code generate}, the texts of all repeats
 * </ul>
 *
 * <p>Ids are separated by commas. Parsing and printing are not timed.
 */
public final class EngineServer {
  private final Path folder;
  private final int threads;
  private final ModelSpec spec;
  private final Map<Precision, Transformer> models = new EnumMap<>(Precision.class);

  private EngineServer(Path folder, int threads) {
    this.folder = folder;
    this.threads = threads;
    spec = BenchModels.spec(folder);
  }

  /**
   * Answers until standard input ends.
   *
   * @param args the model's folder and the number of threads
   */
  public static void main(String[] args) throws IOException {
    EngineServer server = new EngineServer(Path.of(args[0]), Integer.parseInt(args[1]));
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(server.answer(line.split(" ", -1)));
      System.out.flush();
    }
    server.models.values().forEach(Transformer::close);
  }

  private String answer(String[] command) {
    Transformer model =
        models.computeIfAbsent(
            Precision.valueOf(command[1].toUpperCase(Locale.ROOT)),
            precision -> BenchModels.load(folder, precision, threads));
    return switch (command[0]) {
      case "describe" -> model.describeBackend() + "; Java " + Runtime.version();
      case "forward" -> forward(model, Integer.parseInt(command[2]), sequences(command[3]));
      case "generate" ->
          generate(
              model,
              Integer.parseInt(command[2]),
              Integer.parseInt(command[3]),
              sequences(command[4]));
      case "decode" ->
          decode(
              model,
              Integer.parseInt(command[2]),
              Integer.parseInt(command[3]),
              sequences(command[4]));
      default -> throw new IllegalArgumentException("unknown command: " + command[0]);
    };
  }

  private String forward(Transformer model, int repeats, List<int[]> sequences) {
    List<Query> queries = sequences.stream().map(this::maskedRows).toList();
    long[] nanos = new long[repeats];
    List<List<Prediction>> predictions = List.of();
    for (int i = 0; i < repeats; i++) {
      long start = System.nanoTime();
      predictions = model.predict(queries);
      nanos[i] = System.nanoTime() - start;
    }
    List<Prediction> rows = predictions.stream().flatMap(List::stream).toList();
    return words(nanos)
        + " | "
        + rows.stream().map(row -> "" + row.token()).collect(Collectors.joining(" "))
        + " | "
        + rows.stream().map(row -> "" + row.probability()).collect(Collectors.joining(" "));
  }

  private Query maskedRows(int[] tokens) {
    int[] rows =
        IntStream.range(0, tokens.length).filter(i -> tokens[i] == spec.maskId()).toArray();
    return new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
  }

  private String generate(Transformer model, int repeats, int genLength, List<int[]> prompts) {
    Generator generator =
        new Generator(
            model, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    LladaOptions options =
        LladaOptions.builder().steps(genLength).genLength(genLength).blockLength(genLength).build();
    long[] nanos = new long[repeats];
    List<Generation> generations = List.of();
    for (int i = 0; i < repeats; i++) {
      List<Request> requests =
          prompts.stream()
              .map(prompt -> generator.request(prompt, options, SnapshotListener.NONE))
              .toList();
      long start = System.nanoTime();
      generations = generator.generateAll(requests, Driver.UNLIMITED);
      nanos[i] = System.nanoTime() - start;
    }
    return words(nanos)
        + " | "
        + generations.stream()
            .map(generation -> ids(generation.generated()))
            .collect(Collectors.joining(";"));
  }

  private String decode(Transformer model, int repeats, int genLength, List<int[]> prompts) {
    Generator generator =
        new Generator(
            model, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    DecodeOptions options = new DecodeOptions(genLength, TokenDraw.GREEDY, 0);
    int batch = prompts.size() / repeats;
    long[] nanos = new long[repeats];
    List<Generation> generations = new ArrayList<>();
    for (int i = 0; i < repeats; i++) {
      List<Request> requests =
          prompts.subList(i * batch, (i + 1) * batch).stream()
              .map(prompt -> generator.request(prompt, options, SnapshotListener.NONE))
              .toList();
      long start = System.nanoTime();
      generations.addAll(generator.generateAll(requests, Driver.UNLIMITED));
      nanos[i] = System.nanoTime() - start;
    }
    return words(nanos)
        + " | "
        + generations.stream()
            .map(generation -> ids(generation.tokens()))
            .collect(Collectors.joining(";"));
  }

  private static List<int[]> sequences(String text) {
    return Arrays.stream(text.split(";", -1))
        .map(ids -> Arrays.stream(ids.split(",", -1)).mapToInt(Integer::parseInt).toArray())
        .toList();
  }

  private static String ids(int[] ids) {
    return Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(","));
  }

  private static String words(long[] numbers) {
    return LongStream.of(numbers).mapToObj(String::valueOf).collect(Collectors.joining(" "));
  }
}
