package dev.palimpsest.lab.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The experiment on two models whose dependence is known: both write {@code 1+2=3. Answer: 3} from
 * left to right, one with the answer of the problem, the other with what stands after the {@code
 * =}.
 */
final class ExperimentTest {
  private static final int END = 1;
  private static final SpecialTokens SPECIALS = new SpecialTokens(0, END, OptionalInt.empty());
  private static final String TEXT = "1+2=3. Answer: 3";
  private static final int RESULT = 4;
  private static final int ANSWER = 15;
  private static final int LENGTH = 18;
  private static final Language CHARACTERS =
      new Language(SPECIALS, 128, id -> String.valueOf((char) id), text -> text.chars().toArray());
  private static final Design DESIGN =
      new Design(
          LladaOptions.builder()
              .genLength(LENGTH)
              .blockLength(LENGTH)
              .steps(LENGTH)
              .seed(11)
              .build(),
          List.of(17, 8, 16),
          6,
          2,
          0.3,
          List.of(9));

  /** Sure of the left, so that it is filled first. */
  private static Denoiser model(boolean readsResult) {
    return queries -> queries.stream().map(query -> predict(query, readsResult)).toList();
  }

  private static List<Prediction> predict(Query query, boolean readsResult) {
    IntUnaryOperator target =
        index -> {
          int result = query.tokens()[1 + RESULT];
          if (index == ANSWER && readsResult && result != SPECIALS.maskId()) {
            return result;
          }
          return index < TEXT.length() ? TEXT.charAt(index) : END;
        };
    List<Prediction> predictions = new ArrayList<>();
    for (int row : query.rows()) {
      int token = target.applyAsInt(row - 1);
      double sure = 1.0 - row / 100.0;
      predictions.add(new Prediction(token, sure, token, sure, 0.01, 1, 0.5));
    }
    return predictions;
  }

  private static List<Item> measure(boolean readsResult, String expected) {
    Run run = new SamplerRun(DESIGN.options().sampler(SPECIALS), new int[] {'?'}, LENGTH);
    TraceHeader header =
        TraceHeader.of(
            "0",
            new TraceHeader.ModelIdentity("fake", "00", "11"),
            new TraceHeader.Machine("none", "none", "f32", Optional.empty()),
            TraceHeader.PROMISES,
            run);
    List<Question> questions =
        IntStream.range(0, 40)
            .mapToObj(number -> new Question(number, new int[] {'?'}, expected))
            .toList();
    return new Experiment(model(readsResult), CHARACTERS, Spans.ANSWER, DESIGN, header, 100)
        .measure(questions);
  }

  @Test
  void anItemSaysWhatWasWrittenAndWhen() {
    Item item = measure(true, "3").get(7);
    assertThat(item.problem()).isEqualTo(7);
    assertThat(item.seed()).isEqualTo(18);
    assertThat(item.right()).isTrue();
    assertThat(String.join("", item.tokens())).isEqualTo(TEXT);
    assertThat(item.commitSteps()).isEqualTo(IntStream.range(0, LENGTH).boxed().toList());
    Item.Timing timing = item.timing().orElseThrow();
    assertThat(timing.reasoningLength()).isEqualTo(7);
    assertThat(timing.answerFrom()).isEqualTo(ANSWER);
    assertThat(timing.answerTo()).isEqualTo(ANSWER);
    assertThat(timing.committed()).isEqualTo(ANSWER);
    assertThat(timing.firstHit()).hasValue(0);
    assertThat(timing.reasoningCommitted()).hasValue(1);
  }

  @Test
  void aModelThatReadsItsReasoningFollowsItUntilTheAnswerIsWritten() {
    int followed = 0;
    int elsewhere = 0;
    for (Item item : measure(true, "3")) {
      for (Item.Trial trial : item.trials()) {
        boolean digit = trial.edit().contains("digit");
        boolean filled = trial.at() > ANSWER;
        assertThat(trial.answerFilled()).isEqualTo(filled ? 1 : 0);
        if (trial.edit().equals(Experiment.NONE)) {
          assertThat(trial.sameCanvas()).isTrue();
          assertThat(trial.writes()).isEmpty();
        }
        if (digit
            && trial.writes().getFirst().position() == RESULT
            && (!filled || trial.edit().equals(Experiment.DIGIT_REMASKED))) {
          assertThat(trial.answer()).hasValue(trial.writes().getFirst().now());
          followed++;
        } else {
          assertThat(trial.answer()).hasValue("3");
        }
        if (trial.edit().equals(Experiment.ELSEWHERE)) {
          assertThat(trial.writes().getFirst().old()).doesNotMatch("[0-9A-Za-z:]");
          elsewhere++;
        }
        if (trial.edit().equals(Experiment.PARAPHRASE)) {
          assertThat(trial.writes())
              .containsExactly(new Item.Write(0, "1", "2"), new Item.Write(2, "2", "1"));
        }
      }
      assertThat(item.trials().stream().filter(each -> each.edit().equals(Experiment.NONE)))
          .hasSize(1);
    }
    assertThat(followed).isGreaterThan(20);
    assertThat(elsewhere).isEqualTo(3 * 40);
  }

  @Test
  void aModelThatReadsTheProblemAloneIsMovedByNothing() {
    for (Item item : measure(false, "3")) {
      assertThat(item.trials()).allSatisfy(trial -> assertThat(trial.answer()).hasValue("3"));
    }
  }

  @Test
  void loopsCountTheirStepsAndForwardsAndBeginWithTheSameRound() {
    for (Item item : measure(false, "4")) {
      assertThat(item.right()).isFalse();
      assertThat(
              item.rounds().stream().map(each -> each.loop() + each.round() + "@" + each.steps()))
          .containsExactly(
              "paraphrase_remask0@6",
              "paraphrase_remask1@12",
              "paraphrase_remask2@18",
              "remask0@6",
              "remask1@12",
              "remask2@18",
              "plain0@9");
      assertThat(item.rounds()).allSatisfy(each -> assertThat(each.answer()).hasValue("3"));
      int nfe = 0;
      for (Item.Round round : item.rounds()) {
        // A round of 6 steps that fills fewer masks runs as many forwards as there are masks.
        nfe = round.round() == 0 ? round.steps() : nfe + Math.min(6, round.remasked());
        assertThat(round.nfe()).isEqualTo(nfe);
      }
      assertThat(item.rounds().get(1).rewritten()).isEqualTo(2);
      assertThat(item.rounds().get(4).rewritten()).isZero();
    }
  }

  @Test
  void aDesignRefusesStepsThatTheGenerationDoesNotHave() {
    assertThatThrownBy(() -> new Design(DESIGN.options(), List.of(18), 6, 2, 0.3, List.of()))
        .hasMessage("step 18 is not in a generation of 18: use 0 to 17");
    LladaOptions adaptive =
        LladaOptions.builder().genLength(8).blockLength(8).threshold(0.9).build();
    assertThatThrownBy(() -> new Design(adaptive, List.of(), 6, 2, 0.3, List.of()))
        .hasMessageContaining("threshold");
  }
}
