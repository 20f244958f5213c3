package dev.palimpsest.app.intervention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.SafetensorsWriter;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps that are changed inside, from the command line, and what is said of their traces. */
final class InsideStepsTest {
  private static final int HIDDEN = 128;
  private static final String PROBLEM =
      "Leo has 31 pens. First he finds 5 more. How many pens does Leo have now?";

  @TempDir private static Path folder;
  private static Path vectors;
  private static Path plain;

  @BeforeAll
  static void write() throws IOException {
    vectors = folder.resolve("v.safetensors");
    float[] large = new float[HIDDEN];
    Arrays.fill(large, 3);
    try (SafetensorsWriter writer =
        new SafetensorsWriter(
            vectors,
            List.of(
                new SafetensorsWriter.Entry("large", DType.F32, List.of((long) HIDDEN)),
                new SafetensorsWriter.Entry("two", DType.F32, List.of(2L, (long) HIDDEN)),
                new SafetensorsWriter.Entry("short", DType.F32, List.of(5L))),
            Map.of())) {
      writer.write("large", large);
      writer.write("two", large);
      writer.write("two", large);
      writer.write("short", new float[5]);
    }
    plain = folder.resolve("plain.trace.jsonl");
    assertThat(generate(plain).code()).isZero();
  }

  private static Outcome generate(Path trace, String... more) {
    String[] all =
        Arrays.copyOf(
            new String[] {"generate", "--trace", trace.toString(), PROBLEM}, 4 + more.length);
    System.arraycopy(more, 0, all, 4, more.length);
    return Outcome.of(all);
  }

  private static String change(String words) {
    return words.replace("FILE", vectors.toString());
  }

  @Test
  void aSteeredTraceNamesWhatWasChangedAndPromisesNothing() {
    Path file = folder.resolve("steered.trace.jsonl");
    String words = change("add blocks.1.hook_resid_post from=FILE:large scale=2.5 steps=3-40");
    Outcome outcome = generate(file, "--inside", words, "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out()).contains("\"inside_steps\"");
    Trace trace = Trace.readWhole(file);
    assertThat(trace.header().promises()).isEmpty();
    assertThat(trace.header().inside())
        .hasSize(1)
        .allSatisfy(
            each -> assertThat(each).startsWith(words + " sha256=").hasSize(words.length() + 72));
    Trace unsteered = Trace.readWhole(plain);
    assertThat(trace.last()).isNotEqualTo(unsteered.last());
    for (int step = 0; step < 3; step++) {
      assertThat(trace.step(step).commits()).isEqualTo(unsteered.step(step).commits());
    }
    assertThat(Outcome.of("trace", "check", file.toString()).out())
        .contains("steps, changed inside (" + words)
        .contains("no guarantee is claimed of them");
    assertThat(Outcome.of("trace", "show", file.toString()).out())
        .contains("inside    add blocks.1.");
    Outcome replayed = Outcome.of("replay", file.toString());
    assertThat(replayed.code()).isEqualTo(1);
    assertThat(replayed.err())
        .contains("its steps were changed inside (" + words)
        .contains("they cannot be replayed, and no guarantee is claimed of them.");
  }

  @Test
  void aBranchMayBeChangedInsideAndNotBranchAgain() {
    Path file = folder.resolve("branch.trace.jsonl");
    Outcome outcome =
        Outcome.of(
            "branch",
            plain.toString(),
            "--at",
            "20",
            "--edit",
            "none",
            "--to",
            file.toString(),
            "--inside",
            change("set blocks.*.attn.hook_z from=FILE:large at=0-3"));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(Trace.readWhole(file).header().inside()).hasSize(1);
    Outcome again =
        Outcome.of(
            "branch", file.toString(), "--at", "30", "--edit", "none", "--to", file + "2.jsonl");
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("they cannot be shared with a branch");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          push blocks.1.hook_resid_post from=FILE:large | push is unknown: use add or set
          add blocks.9.hook_resid_post from=FILE:large | the model's are 0 to
          add blocks.1.attn.hook_pattern from=FILE:large | cannot be changed
          add blocks.1.hook_resid_post from=FILE:none | none
          add blocks.1.hook_resid_post from=FILE:short | is to be changed by 5 numbers
          add blocks.1.hook_resid_post from=FILE:two | one vector can be
          set blocks.1.hook_resid_post from=FILE:two | give one row, or one for each position
          add blocks.1.hook_resid_post | from= names no tensor
          add blocks.1.hook_resid_post from=FILE:large step=3 | step=3 is unknown
          add blocks.1.hook_resid_post from=FILE:large at=a | at=a is no range
          add blocks.1.hook_resid_post from=FILE:large scale=x | scale=x is no number
          add | a change inside steps is add or set
          """)
  void whatIsWrongIsSaidInOneSentence(String words, String message) {
    Outcome outcome = Outcome.of("generate", "--inside", change(words), PROBLEM);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("--inside").contains(message);
    assertThat(outcome.err().lines()).hasSize(1);
  }
}
