package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Models of characters whose dependence is known: all write {@code 1+2=3. 3+4=7. 7+1=8. Answer: 8}
 * from left to right, and differ in what they write behind {@code Answer: }.
 */
enum Scripted implements Denoiser {
  /** Knows the answer from the problem, and reads no reasoning. */
  COPIER {
    @Override
    char answer(String before) {
      return '8';
    }
  },

  /** Repeats the last digit before the answer, whatever it is. */
  LAST_STEP_READER {
    @Override
    char answer(String before) {
      for (int index = before.length() - 1; index >= 0; index--) {
        if (Character.isDigit(before.charAt(index))) {
          return before.charAt(index);
        }
      }
      return '?';
    }
  };

  static final String TEXT = "1+2=3. 3+4=7. 7+1=8. Answer: 8";
  static final String EXPECTED = "8";
  static final int SENTENCES = 3;
  static final int LENGTH = 40;

  private static final String CUE = "Answer: ";
  private static final int MASK = 0;
  private static final int END = 1;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, END, OptionalInt.empty());
  private static final ModelLimits LIMITS = new ModelLimits(128, 256, new AttentionPattern.Full());
  private static final Language CHARACTERS =
      new Language(SPECIALS, 128, id -> String.valueOf((char) id), text -> text.chars().toArray());

  abstract char answer(String before);

  @Override
  public List<List<Prediction>> predict(List<Query> queries) {
    return queries.stream().map(this::predict).toList();
  }

  private List<Prediction> predict(Query query) {
    StringBuilder text = new StringBuilder();
    for (int index = 1; index < query.tokens().length; index++) {
      text.append((char) query.tokens()[index]);
    }
    int cue = text.lastIndexOf(CUE);
    List<Prediction> predictions = new ArrayList<>();
    for (int index = 0; index < query.rows().length; index++) {
      int row = query.rows()[index] - 1;
      int token =
          cue >= 0 && row == cue + CUE.length()
              ? answer(text.substring(0, cue))
              : cue < 0 || row < cue ? script(text, row) : END;
      double sure = 1.0 - row / 100.0;
      Prediction prediction = new Prediction(token, sure, token, sure, 0.01, 1, 0.5);
      predictions.add(
          query.targets().length == 0
              ? prediction
              : prediction.scored(
                  Math.log(query.targets()[index] == token ? sure : (1 - sure) / 127)));
    }
    return predictions;
  }

  /** What the text has at a place; its answer follows what stands before. */
  private int script(CharSequence text, int row) {
    int answerAt = TEXT.length() - 1;
    if (row == answerAt) {
      return answer(text.toString().substring(0, TEXT.indexOf(CUE)).replace((char) MASK, '_'));
    }
    return row < TEXT.length() ? TEXT.charAt(row) : END;
  }

  /** The model as the battery takes it. */
  Subject subject() {
    SamplingOptions options =
        LladaOptions.builder().genLength(LENGTH).blockLength(LENGTH).steps(LENGTH).seed(3).build();
    Generator generator = new Generator(this, LIMITS, SPECIALS);
    Run run = generator.run(new int[] {'?'}, options);
    TraceHeader header =
        TraceHeader.of(
            "0",
            new TraceHeader.ModelIdentity("fake", "00", "11"),
            new TraceHeader.Machine("none", "none", "f32", Optional.empty()),
            TraceHeader.PROMISES,
            run);
    return new Subject(
        name().toLowerCase(Locale.ROOT),
        this,
        generator,
        CHARACTERS,
        _ -> new int[] {'?'},
        options,
        Spans.ANSWER,
        header);
  }
}
