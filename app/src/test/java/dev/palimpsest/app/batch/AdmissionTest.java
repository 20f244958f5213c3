package dev.palimpsest.app.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When rows join. */
final class AdmissionTest {
  private static final int COMMON = 40;
  private static final int OWN = 3;
  private static final int TEXT = 4;

  /** Tokens of a page of the KV cache of a model that decodes. */
  private static final int PAGE = 16;

  private static final SpecialTokens SPECIALS =
      new SpecialTokens(SpecialTokens.NO_MASK, 1, OptionalInt.empty(), List.of());
  private static final Prediction SEVEN = new Prediction(7, 0.9, 7, 0.9, 0.1, 0, 0.3);

  private final List<List<Query>> forwards = new ArrayList<>();
  private final Denoiser denoiser =
      queries -> {
        forwards.add(queries);
        return queries.stream()
            .map(query -> Collections.nCopies(query.rows().length, SEVEN))
            .toList();
      };
  private final Generator generator =
      new Generator(denoiser, new ModelLimits(100, 1000, new AttentionPattern.Causal()), SPECIALS);
  private final List<Long> ended = new ArrayList<>();

  /** A prompt that begins as all of its group do. */
  private static int[] prompt(int group, int own) {
    return IntStream.range(0, COMMON + OWN)
        .map(index -> index < COMMON ? 10 + group : 50 + own)
        .toArray();
  }

  private static Rows rows(List<int[]> prompts) {
    Iterator<int[]> each = prompts.iterator();
    return new Rows() {
      private long number;

      @Override
      public Optional<Row> next() {
        return each.hasNext()
            ? Optional.of(
                new Row.Asked(
                    number, String.valueOf(number++), new Prompt.Ids(each.next()), Map.of()))
            : Optional.empty();
      }

      @Override
      public void close() {}
    };
  }

  private void run(List<int[]> prompts, int atOnce, int genLength, boolean caches)
      throws IOException {
    run(generator, denoiser, prompts, atOnce, genLength, caches);
  }

  private void run(
      Generator runs,
      Denoiser model,
      List<int[]> prompts,
      int atOnce,
      int genLength,
      boolean caches)
      throws IOException {
    AtOnce fixed = new AtOnce(OptionalInt.of(atOnce), () -> 0, (_, _) -> {});
    Results results =
        Output.to(
                new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8),
                Order.INPUT)
            .results();
    try (Prefetch prefetch = new Prefetch(rows(prompts), false)) {
      Admission admission =
          new Admission(
              prefetch, results, fixed, row -> List.of(join(runs, row, genLength)), caches);
      new Driver(model)
          .run(
              admission,
              admission,
              (Admission.Joining row, Generation generation) -> {
                fixed.ended();
                row.answer().ended(row.text(), generation).ifPresent(each -> ended.add(each.row()));
              });
    }
  }

  private static Admission.Joining join(Generator generator, Row row, int genLength) {
    int[] prompt = ((Prompt.Ids) ((Row.Asked) row).prompt()).ids();
    Run run = generator.run(prompt, SamplingOptions.of("decode", Map.of("gen_length", genLength)));
    return new Admission.Joining(
        answer(row.number()),
        0,
        run,
        new TraceFolder.Recording(Optional.empty()),
        SnapshotListener.NONE);
  }

  private static Answer answer(long row) {
    return new Answer() {
      @Override
      public Optional<Result> ended(int text, Generation generation) {
        return Optional.of(
            new Result(row, "", new byte[0], generation.tokens().length, 0, Optional.empty()));
      }

      @Override
      public Result failed(RuntimeException failure) {
        throw failure;
      }
    };
  }

  private List<Integer> firstTokens(int forward) {
    return forwards.get(forward).stream().map(query -> query.tokens()[0]).toList();
  }

  @Test
  void ofRowsThatBeginAlikeOneComputesTheCommonTokensBeforeTheOthersJoin() throws IOException {
    List<int[]> prompts = new ArrayList<>();
    for (int row = 0; row < 9; row++) {
      prompts.add(prompt(row / 3, row));
    }
    run(prompts, 16, TEXT, true);
    assertThat(firstTokens(0)).as("the first of the first group").containsExactly(10);
    assertThat(firstTokens(1)).containsExactly(10, 10, 10, 11);
    assertThat(firstTokens(2)).containsExactly(10, 10, 10, 11, 11, 11, 12);
    assertThat(firstTokens(3)).hasSize(9);
    assertThat(ended).hasSize(9);
  }

  @Test
  void theKeysOfACommonBeginningAreInTheCacheOnce() throws IOException {
    Path folder = Cli.home().resolve("models").resolve("abacus-ar");
    try (LanguageModel language = LanguageModel.of(Model.load(folder, Precision.F32, 1, _ -> {}))) {
      Transformer transformer = language.model().transformer();
      List<int[]> prompts = new ArrayList<>();
      for (int row = 0; row < 8; row++) {
        int[] prompt = new int[4 * PAGE + 2];
        Arrays.fill(prompt, 10);
        prompt[4 * PAGE] = 20 + row;
        prompts.add(prompt);
      }
      run(language.generator(), transformer, prompts.subList(0, 1), 1, TEXT, true);
      long page = transformer.kvCacheBytes() / 5;
      transformer.clearKvCache();
      run(language.generator(), transformer, prompts, 8, TEXT, true);
      assertThat(transformer.kvCacheBytes())
          .as("four pages of all and one of each")
          .isEqualTo((4 + 8) * page);
      assertThat(ended).hasSize(9);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nobodyWaitsWithoutNeed(boolean caches) throws IOException {
    List<int[]> prompts = new ArrayList<>();
    for (int row = 0; row < 6; row++) {
      prompts.add(
          caches ? Arrays.copyOfRange(prompt(0, row), COMMON - 20, COMMON + OWN) : prompt(0, row));
    }
    run(prompts, 6, TEXT, caches);
    assertThat(forwards).hasSize(TEXT);
    assertThat(firstTokens(0)).hasSize(6);
  }

  @Test
  void rowsThatEndInTheStepInWhichTheyJoinAreFollowedByTheOthers() throws IOException {
    List<int[]> prompts = new ArrayList<>();
    for (int row = 0; row < 20; row++) {
      prompts.add(prompt(0, row));
    }
    run(prompts, 4, 1, true);
    assertThat(ended).hasSize(20);
  }
}
