package dev.palimpsest.lab.battery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SentencesTest {
  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "1+2=3|. |4+5=9|.,1+2=3. /4+5=9.",
        "One| two|.| Three|!| Four,One two./ Three!/ Four",
        "It is 3|.|5 long|.| So.,It is 3.5 long./ So.",
        "He said \"go|.|\"| Then.,He said \"go.\"/ Then.",
        "no end,no end",
        "One|.| |,One. ",
        "One... Two,One... Two"
      })
  void aSentenceEndsBeforeWhiteSpace(String tokens, String sentences) {
    String[] pieces = tokens.split("\\|", -1);
    List<int[]> found = Sentences.of(positions(pieces.length), index -> pieces[index]);
    assertThat(
            found.stream()
                .map(
                    sentence ->
                        Arrays.stream(sentence)
                            .mapToObj(index -> pieces[index])
                            .collect(Collectors.joining()))
                .collect(Collectors.joining("/")))
        .isEqualTo(sentences);
    assertThat(found.stream().flatMapToInt(Arrays::stream).toArray())
        .isEqualTo(positions(pieces.length));
  }

  @Test
  void noPositionsAreNoSentence() {
    assertThat(Sentences.of(new int[0], _ -> "")).isEmpty();
  }

  private static int[] positions(int count) {
    int[] positions = new int[count];
    Arrays.setAll(positions, index -> index);
    return positions;
  }
}
