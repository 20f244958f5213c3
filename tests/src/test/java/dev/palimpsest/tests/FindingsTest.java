package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.plan.PlanReader;
import dev.palimpsest.lab.study.Design;
import dev.palimpsest.lab.study.Experiment;
import dev.palimpsest.lab.study.Item;
import dev.palimpsest.lab.study.Question;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.SteeredRun;
import dev.palimpsest.sampler.intervention.When;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The experiment's batches against one generation at a time, with the bundled model. */
final class FindingsTest {
  private static final Path MODEL =
      Path.of(System.getProperty("palimpsest.home")).resolve("models").resolve("abacus-mdm");
  private static final List<String> PROBLEMS =
      List.of(
          "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar. How many marbles"
              + " does Maya have now?",
          "Maya starts with 33 beads. First she gives Nora 9. Then Nora brings 5 more. Next she"
              + " wins 7. How many beads does she have in the end?");
  private static final long SEED = 5;
  private static final LladaOptions OPTIONS =
      LladaOptions.builder().genLength(48).blockLength(48).steps(48).seed(SEED).build();
  private static final Design DESIGN =
      new Design(OPTIONS, List.of(42, 46, 47), 6, 1, 0.3, List.of(12));

  @Test
  void everyTrialAndEveryRoundIsWhatASteeredGenerationOfItsOwnGives() {
    try (Model model = Model.load(MODEL, Precision.F32, 2, _ -> {})) {
      SpecialTokens specials = ModelTraits.specials(model.spec(), model.endOfTurn());
      Language language =
          new Language(
              specials,
              model.tokenizer().vocabularySize(),
              model.tokenizer()::piece,
              model.tokenizer()::encode);
      List<Question> questions = new ArrayList<>();
      for (String problem : PROBLEMS) {
        questions.add(new Question(questions.size(), model.prompt(problem), "22"));
      }
      Run run = run(model, specials, 0, OPTIONS);
      TraceHeader header =
          TraceHeader.of(
              "test",
              new TraceHeader.ModelIdentity("abacus-mdm", "", ""),
              new TraceHeader.Machine("", "", "", Optional.empty()),
              TraceHeader.PROMISES,
              run);
      List<Item> items =
          new Experiment(model.transformer(), language, Spans.ANSWER, DESIGN, header, 300)
              .measure(questions);
      assertThat(items.getFirst().answer()).hasValue("22");
      assertThat(items.getFirst().right()).isTrue();
      int compared = 0;
      for (Item item : items) {
        for (Item.Trial trial : item.trials()) {
          Optional<String> edit = edit(item, trial);
          if (edit.isPresent()) {
            Plan plan =
                new Plan(
                    List.of(
                        new Plan.Scheduled(
                            new When.Before(trial.at()), reader().transform(edit.get()))),
                    0,
                    false);
            CanvasImage alone = steered(model, language, plan, item, OPTIONS);
            assertThat(answer(alone, language)).as("%s", trial).isEqualTo(trial.answer());
            compared++;
          }
        }
        String plan =
            """
            {"rounds": 1, "transforms": [
              {"do": "paraphrase", "how": "equations"}, {"do": "remask", "share": 0.3}]}
            """;
        Item.Round last =
            item.rounds().stream()
                .filter(each -> each.loop().equals(Experiment.LOOP) && each.round() == 1)
                .findFirst()
                .orElseThrow();
        assertThat(last.steps()).isEqualTo(12);
        LladaOptions short6 =
            LladaOptions.builder()
                .genLength(48)
                .blockLength(48)
                .steps(6)
                .seed(SEED + item.problem())
                .build();
        CanvasImage alone = steered(model, language, reader().plan(plan), item, short6);
        assertThat(answer(alone, language)).isEqualTo(last.answer());
      }
      assertThat(compared).isGreaterThan(6);
    }
  }

  /** The edit as a user writes it down. */
  private static Optional<String> edit(Item item, Item.Trial trial) {
    int last = item.timing().orElseThrow().reasoningLength() - 1;
    return switch (trial.edit()) {
      case Experiment.NONE -> Optional.of("none");
      case Experiment.DIGIT -> Optional.of("corrupt count=1 digits=true in=0-" + last);
      case Experiment.PARAPHRASE -> Optional.of("paraphrase how=equations in=0-" + last);
      case Experiment.ELSEWHERE -> {
        Item.Write write = trial.writes().getFirst();
        yield Optional.of("force at=" + write.position() + " text=" + write.now());
      }
      default -> Optional.empty();
    };
  }

  private static Run run(Model model, SpecialTokens specials, int problem, LladaOptions options) {
    return new SamplerRun(options.sampler(specials), model.prompt(PROBLEMS.get(problem)), 48);
  }

  private static CanvasImage steered(
      Model model, Language language, Plan plan, Item item, LladaOptions options) {
    LladaOptions own =
        LladaOptions.builder()
            .genLength(48)
            .blockLength(48)
            .steps(options.steps())
            .seed(item.seed())
            .build();
    TraceListener silent =
        new TraceListener() {
          @Override
          public void snapshot(Snapshot snapshot) {
            // The test looks at the last canvas alone.
          }

          @Override
          public void event(TraceRecord.Event event, CanvasImage after) {
            // The test looks at the last canvas alone.
          }
        };
    Run steered =
        new SteeredRun(
            language, plan, run(model, language.specials(), item.problem(), own), 0, silent);
    return new Driver(model.transformer())
        .finish(List.of(Request.of(steered, silent)))
        .getFirst()
        .canvas();
  }

  private static Optional<String> answer(CanvasImage canvas, Language language) {
    return Spans.of(canvas, language.specials(), language.pieces(), Spans.ANSWER)
        .map(Spans::answer);
  }

  private static PlanReader reader() {
    return new PlanReader(
        (_, _, _) -> {
          throw new AssertionError("no server is needed");
        },
        Spans.ANSWER);
  }
}
