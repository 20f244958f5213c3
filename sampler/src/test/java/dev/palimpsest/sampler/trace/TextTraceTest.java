package dev.palimpsest.sampler.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

final class TextTraceTest {
  private static final TextTrace.Source SOURCE =
      new TextTrace.Source("1", "text", "00", Optional.of("other"), Optional.empty());

  @TempDir private Path folder;
  private Path file;
  private List<String> lines = new ArrayList<>();

  @BeforeEach
  void write() throws IOException {
    file = folder.resolve("frames.trace.jsonl");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new TextTrace("", SOURCE, List.of("░░", "a░\n", "aé"), Optional.empty()).write(out);
    lines = out.toString(StandardCharsets.UTF_8).lines().toList();
    Files.write(file, lines);
  }

  @Test
  void whatWasWrittenIsRead() {
    assertThat(TextTrace.isIn(file)).isTrue();
    TextTrace read = TextTrace.readWhole(file);
    assertThat(read.source()).isEqualTo(SOURCE);
    assertThat(read.frames()).containsExactly("░░", "a░\n", "aé");
    assertThat(read.damage()).isEmpty();
  }

  @Test
  void aLineThatIsAlteredMissingOrTwiceIsNamed() throws IOException {
    for (int number = 2; number <= lines.size(); number++) {
      List<String> altered = new ArrayList<>(lines);
      altered.set(number - 1, altered.get(number - 1).replace("frame", "fram"));
      assertDamage(altered, number);
      List<String> doubled = new ArrayList<>(lines);
      doubled.add(number - 1, lines.get(number - 1));
      assertDamage(doubled, number + 1);
    }
    List<String> missing = new ArrayList<>(lines);
    missing.remove(2);
    assertDamage(missing, 3);
  }

  private void assertDamage(List<String> damaged, int record) throws IOException {
    Files.write(file, damaged);
    assertThat(TextTrace.read(file).damage().orElseThrow().record()).isEqualTo(record);
    assertThatThrownBy(() -> TextTrace.readWhole(file))
        .isInstanceOf(TraceException.class)
        .hasMessageStartingWith(file + ": record " + record + ": ");
  }

  @Test
  void aTraceThatEndsEarlyIsReadUpToThere() throws IOException {
    Files.write(file, lines.subList(0, 3));
    TextTrace read = TextTrace.readWhole(file);
    assertThat(read.frames()).containsExactly("░░", "a░\n");
    assertThat(read.damage().orElseThrow().kind()).isEqualTo(TraceDamage.Kind.ENDS_EARLY);
  }

  @Test
  void aHeaderThatIsOneButNotOfThisSchemaIsReadAsOneOfTextsAndSaysSo() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ObjectNode header = (ObjectNode) TraceLines.MAPPER.readTree(lines.getFirst());
    header.remove("chain");
    header.put("schema", 99);
    String _ = ChainedLines.write(out, header, "");
    Files.write(file, out.toByteArray());
    assertThat(TextTrace.isIn(file)).isTrue();
    assertThatThrownBy(() -> TextTrace.read(file))
        .isInstanceOf(TraceException.class)
        .hasMessageStartingWith(file + ": record 1: it has schema 99, and this engine reads");
    Files.write(file, List.of(lines.getFirst().replace("header", "reader"), lines.get(1)));
    assertThat(TextTrace.isIn(file)).as("its checksum is wrong").isFalse();
    Files.writeString(file, "");
    assertThat(TextTrace.isIn(file)).isFalse();
  }

  @Test
  void whereTokensAreNeededItIsRefusedByName() {
    assertThatThrownBy(() -> Trace.read(file))
        .isInstanceOf(TraceException.class)
        .hasMessageContaining("record 1: it is a trace of texts, imported from frames")
        .hasMessageContaining("has no tokens");
  }
}
