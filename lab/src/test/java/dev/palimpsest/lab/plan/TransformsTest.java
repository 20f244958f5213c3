package dev.palimpsest.lab.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Force;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.StepContext;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What each intervention does to a small worked answer, a token a character. */
final class TransformsTest {
  private static final int MASK = 0;
  private static final int END = 1;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, END, OptionalInt.empty());
  private static final Language CHARACTERS =
      new Language(SPECIALS, 128, id -> String.valueOf((char) id), text -> text.chars().toArray());
  private static final String TEXT = "24+7=31. 31-9=22. Answer: 22";

  private final PlanReader reader =
      new PlanReader(
          (url, model, key) ->
              new Paraphraser.Synonyms(Map.of("apples", url + "," + model + "," + key)),
          Spans.ANSWER);

  private CanvasTransform transform(String line) {
    return (CanvasTransform) reader.transform(line);
  }

  /** The text after an edit; an underscore where it is masked. */
  private String edited(String edit, String text) {
    return edited(edit, context(text, 1));
  }

  private String edited(String edit, StepContext context) {
    StringBuilder text = new StringBuilder();
    for (int position = 0; position < context.canvas().length(); position++) {
      text.append(
          context.canvas().state(position) == CellState.MASKED
              ? '_'
              : (char) context.canvas().id(position));
    }
    Optional<Change> change = transform(edit).change(context);
    change
        .orElseThrow()
        .writes()
        .forEach((position, id) -> text.setCharAt(position, (char) id.intValue()));
    change.orElseThrow().remasked().forEach(position -> text.setCharAt(position, '_'));
    return text.toString();
  }

  /** A canvas of characters: an underscore is masked, a bar an end. */
  private static StepContext context(String text, long seed) {
    int[] ids = text.chars().map(each -> each == '_' ? MASK : each == '|' ? END : each).toArray();
    CellState[] states =
        Arrays.stream(ids)
            .mapToObj(id -> id == MASK ? CellState.MASKED : CellState.COMMITTED)
            .toArray(CellState[]::new);
    return new StepContext(
        CanvasImage.of(ids, states, 0), Optional.empty(), Cursor.START, 3, false, seed, CHARACTERS);
  }

  @Test
  void noneChangesNothing() {
    assertThat(edited("none", TEXT)).isEqualTo(TEXT);
    assertThat(edited("paraphrase how=identity", TEXT)).isEqualTo(TEXT);
  }

  @Test
  void regionsAreWhereTheirNamesSay() {
    assertThat(edited("remask in=answer", TEXT)).isEqualTo("24+7=31. 31-9=22. Answer: __");
    assertThat(edited("remask in=reasoning", TEXT)).isEqualTo("_".repeat(18) + "Answer: 22");
    assertThat(edited("remask in=all_but_answer", TEXT)).isEqualTo("_".repeat(26) + "22");
    assertThat(edited("remask in=0-3", TEXT)).isEqualTo("____=31. 31-9=22. Answer: 22");
    assertThat(edited("remask in=/=\\d+/", TEXT)).isEqualTo("24+7___. 31-9___. Answer: 22");
    assertThat(edited("remask in=all", "12|||")).isEqualTo("__\u0001\u0001\u0001");
    assertThat(edited("remask in=answer", "24+7=31. ___________22")).endsWith("____22");
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void aMistakeMakesOneRightEquationWrongAndKeepsItsLength(long seed) {
    String wrong = edited("mistake", context(TEXT, seed));
    assertThat(wrong).hasSameSizeAs(TEXT).isNotEqualTo(TEXT).endsWith("Answer: 22");
    assertThat(wrong).matches("24\\+7=\\d\\d\\. 31-9=\\d\\d\\. .*");
    boolean first = !wrong.contains("24+7=31");
    boolean second = !wrong.contains("31-9=22");
    assertThat(first ^ second).isTrue();
  }

  @Test
  void aMistakeNeedsAnEquationThatIsCompleteAndRight() {
    assertThat(edited("mistake", "24+7=_1. 3_-9=22")).isEqualTo("24+7=_1. 3_-9=22");
    assertThat(edited("mistake", "24+7=32.")).isEqualTo("24+7=32.");
    assertThat(transform("mistake").change(context("1+", 1)).orElseThrow().cause())
        .contains("no right equation");
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void aCountOfDigitsIsCorruptedAndNothingElse(long seed) {
    for (int count = 0; count <= 12; count++) {
      String text = edited("corrupt count=" + count + " digits=true", context(TEXT, seed));
      int changed = 0;
      for (int position = 0; position < TEXT.length(); position++) {
        boolean same = text.charAt(position) == TEXT.charAt(position);
        changed += same ? 0 : 1;
        assertThat(same || Character.isDigit(TEXT.charAt(position))).isTrue();
        assertThat(Character.isDigit(text.charAt(position)))
            .isEqualTo(Character.isDigit(TEXT.charAt(position)));
      }
      assertThat(changed).isEqualTo(Math.min(count, 10 + 2));
    }
    assertThatThrownBy(() -> reader.transform("corrupt count=1 share=0.5"))
        .hasMessage("corrupt takes share or count, not both");
  }

  @Test
  void aNumberThatAMaskMayHaveCutIsNotTakenForAWholeOne() {
    assertThat(edited("paraphrase how=equations", "_4+7=31. 3+2=5_ 1+2=3 "))
        .isEqualTo("_4+7=31. 3+2=5_ 2+1=3 ");
    assertThat(edited("mistake", "_4+7=11. 4+7=1_")).isEqualTo("_4+7=11. 4+7=1_");
    assertThat(edited("paraphrase how=synonyms words=cat:dog", "_cat cat cat_"))
        .isEqualTo("_cat dog cat_");
  }

  @Test
  void equationsAreParaphrasedByExchangingTheirTerms() {
    assertThat(edited("paraphrase how=equations", TEXT)).isEqualTo("7+24=31. 31-9=22. Answer: 22");
    assertThat(edited("paraphrase how=equations in=0-8", "24+7=31. 5+1=6"))
        .isEqualTo("7+24=31. 5+1=6");
    assertThat(edited("paraphrase how=equations", "24+7=3_. 5+1=6")).isEqualTo("24+7=3_. 1+5=6");
  }

  @Test
  void otherWordsThatAreShorterLeaveMasksAndLongerOnesAreNotWritten() {
    assertThat(edited("paraphrase how=synonyms words=apples:figs", "2 apples.|"))
        .isEqualTo("2 figs.__\u0001");
    assertThat(edited("paraphrase how=synonyms words=figs:apples", "2 figs.|"))
        .isEqualTo("2 figs.\u0001");
    assertThat(
            transform("paraphrase how=synonyms words=figs:apples")
                .change(context("2 figs.", 1))
                .orElseThrow()
                .cause())
        .contains("1 left because the words were too long");
  }

  @Test
  void anEndpointIsToldWhereAndWhichModel() {
    assertThat(edited("paraphrase how=endpoint model=m url=u", "apples.")).isEqualTo("u,m,.__");
  }

  @Test
  void fillerLeavesTheLengthAlone() {
    assertThat(edited("filler text=.", "1+1=2_ Answer: 2|")).isEqualTo("....._.Answer: 2\u0001");
    assertThatThrownBy(() -> edited("filler text=..", TEXT)).hasMessageContaining("not one token");
  }

  @Test
  void forceWritesOverWhateverStandsThere() {
    assertThat(edited("force at=2 text=77", "1_3_5")).isEqualTo("1_775");
    assertThatThrownBy(() -> edited("force at=4 text=77", "12345"))
        .hasMessageContaining("takes 2 positions");
  }

  @Test
  void digitsBecomeOtherDigitsAndNothingElseChanges() {
    String corrupted = edited("corrupt digits=true share=1", TEXT);
    assertThat(corrupted).hasSameSizeAs(TEXT);
    for (int index = 0; index < TEXT.length(); index++) {
      boolean digit = Character.isDigit(TEXT.charAt(index));
      assertThat(corrupted.charAt(index) == TEXT.charAt(index)).isEqualTo(!digit);
      assertThat(Character.isDigit(corrupted.charAt(index))).isEqualTo(digit);
    }
  }

  @Test
  void aShareChoosesThatManyOnAverageAndTheSameOnesForTheSameSeed() {
    String text = "x".repeat(4000);
    String once = edited("remask share=0.3", text);
    assertThat(once).isEqualTo(edited("remask share=0.3", text));
    assertThat(once).isNotEqualTo(edited("remask share=0.3", context(text, 2)));
    assertThat(once.chars().filter(each -> each == '_').count()).isBetween(1100L, 1300L);
    assertThat(edited("remask share=0.3 numbers=false", "1234567890+-="))
        .isEqualTo("1234567890+-=");
  }

  @Test
  void whatIsWrittenDownIsCheckedWordByWord() {
    assertThatThrownBy(() -> reader.plan("[]")).hasMessageContaining("no JSON object");
    assertThatThrownBy(() -> reader.plan("{\"transforms\":[{\"do\":\"none\",\"when\":\"noon\"}]}"))
        .hasMessageContaining("when=noon");
    assertThatThrownBy(() -> reader.transform("remask in=/(/")).hasMessageContaining("in=/(/");
    assertThatThrownBy(() -> reader.transform("corrupt share=1.5")).hasMessageContaining("0 to 1");
    assertThat(reader.plan("{}").scheduled()).isEqualTo(List.of());
  }

  /** Ids 2 to 31 are control tokens here, and no letter above z is known. */
  private static final Language WITH_CONTROLS =
      new Language(
          SPECIALS,
          128,
          id -> String.valueOf((char) id),
          id -> id >= 32,
          text -> text.chars().toArray(),
          text -> text.contains("zebra") ? List.of("zebra") : List.of());

  private static StepContext in(Language language, StepContext context) {
    return new StepContext(
        context.canvas(),
        context.before(),
        context.at(),
        context.steps(),
        context.finished(),
        context.seed(),
        language);
  }

  @Test
  void aRandomTokenIsAnyOtherThatStandsForTextAndAControlTokenOnlyWhenAsked() {
    String text = "x".repeat(20_000);
    StepContext context = in(WITH_CONTROLS, context(text, 1));
    int[] drawn = new int[128];
    edited("corrupt", context).chars().forEach(id -> drawn[id]++);
    for (int id = 0; id < 128; id++) {
      int expected = id < 32 || id == 'x' ? 0 : 20_000 / 95;
      assertThat(drawn[id]).as("id %d", id).isBetween(expected * 7 / 10, expected * 13 / 10);
    }
    assertThat(edited("corrupt specials=true", context).chars().distinct().sorted().toArray())
        .hasSize(126)
        .contains(END, 2, 31, 127)
        .doesNotContain(MASK, 'x');
    assertThatThrownBy(() -> reader.transform("corrupt specials=true digits=true"))
        .hasMessage("corrupt takes digits or specials, not both");
  }

  @Test
  void aTextThatTheModelHasNoTokenForIsNotWritten() {
    assertThatThrownBy(() -> edited("force at=0 text=a zebra", in(WITH_CONTROLS, context(TEXT, 1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the model does not know 'zebra' of the text 'a zebra': use words that it knows");
    StepContext cats = in(WITH_CONTROLS, context("two horses, one cat", 1));
    String edit = "paraphrase how=synonyms words=horses:zebra";
    assertThat(edited(edit, cats)).isEqualTo("two horses, one cat");
    assertThat(transform(edit).change(cats).orElseThrow().cause())
        .isEqualTo(
            "synonyms in the text: 0 stretches in other words, 0 left because the words were too"
                + " long, 1 because the model does not know them");
  }

  @Test
  void aForcedTextHasTheTokensThatItHasBeforeWhatFollows() {
    // As in the bundled vocabulary, where ": " is one token before a digit and two at the end.
    Language joining =
        new Language(
            SPECIALS,
            128,
            id -> id == 2 ? ": " : String.valueOf((char) id),
            text -> text.replaceAll(": (?=\\d)", "\u0002").chars().toArray());
    StepContext context = in(joining, context("________", 1));
    assertThat(edited("force at=1 text=A: ", context)).isEqualTo("_A:_____");
    assertThat(new Force(1, "A: ", "7").change(context).orElseThrow().writes())
        .containsExactlyInAnyOrderEntriesOf(Map.of(1, (int) 'A', 2, 2));
    assertThat(new Force(1, "A: ", "").change(context).orElseThrow().writes())
        .containsExactlyInAnyOrderEntriesOf(Map.of(1, (int) 'A', 2, (int) ':', 3, (int) ' '));
    assertThatThrownBy(() -> new Force(1, "A:", " 7").change(context))
        .hasMessage("'A:' followed by ' 7' has no token that begins where the second does");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "none",
        "corrupt share=0.5",
        "corrupt digits=true",
        "mistake",
        "mistake in=answer",
        "paraphrase how=equations",
        "filler text=.",
        "remask share=0.5",
        "freeze",
        "force at=3 text=7"
      })
  void aTraceSaysInPlainWordsWhatWasDone(String edit) {
    for (String region :
        List.of("", "all", "answer", "reasoning", "all_but_answer", "2-9", "/=\\d+/")) {
      if (!region.isEmpty() && (edit.contains("in=") || !edit.matches("[cpfmr].*[^7]"))) {
        continue;
      }
      String full = region.isEmpty() ? edit : edit + " in=" + region;
      StepContext now = context(TEXT, 1);
      StepContext context =
          new StepContext(
              now.canvas(),
              Optional.of(context(TEXT.replace('2', '5'), 1).canvas()),
              now.at(),
              now.steps(),
              now.finished(),
              now.seed(),
              now.language());
      String cause = transform(full).change(context).map(Change::cause).orElse("");
      assertThat(cause.replace("/=\\d+/", ""))
          .as(full)
          .doesNotContain("[", "{", "Optional", "@", "_")
          .doesNotContainPattern("[a-z][A-Z]|[A-Z]{2}");
    }
  }

  @Test
  void everyRegionHasAName() {
    assertThat(
            List.of(
                cause("remask in=all"),
                cause("remask in=answer"),
                cause("remask in=reasoning"),
                cause("remask in=all_but_answer"),
                cause("remask in=0-3"),
                cause("remask in=/=\\d+/")))
        .containsExactly(
            "28 tokens in the text masked again",
            "2 tokens in the answer masked again",
            "18 tokens in the reasoning masked again",
            "26 tokens in the text without its answer masked again",
            "4 tokens in positions 0-3 masked again",
            "6 tokens in what matches /=\\d+/ masked again");
  }

  private String cause(String edit) {
    return transform(edit).change(context(TEXT, 1)).orElseThrow().cause();
  }

  @Test
  void aPlanOfAnotherShapeIsRefused() {
    assertThatThrownBy(() -> reader.plan("{\"transforms\":{\"do\":\"none\"}}"))
        .hasMessage("transforms is no list");
    assertThatThrownBy(() -> reader.plan("{\"transforms\":[\"none\"]}"))
        .hasMessageContaining("\"none\" where an object");
  }
}
