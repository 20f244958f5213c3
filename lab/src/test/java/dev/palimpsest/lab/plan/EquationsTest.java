package dev.palimpsest.lab.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EquationsTest {
  @ParameterizedTest
  @CsvSource({
    "24+13=39. 9-2=7,13+24=37. 9-2=7",
    "24-13=39,24-13=11",
    "98+9=12,9+98=12",
    "2-9=5,2-9=5",
    "3*24=11,24*3=72",
    "99999999999999999999+1=99999999999999999999,1+99999999999999999999=99999999999999999999",
    "nothing,nothing"
  })
  void aReaderSaysTheResultThatAnEquationHasWhereItIsAsLong(String text, String read) {
    assertThat(new EquationReader().paraphrase(text)).isEqualTo(read);
  }

  @ParameterizedTest
  @CsvSource({
    "1+2=3. 2*3=6,false",
    "1+2=3. 2*3=7,true",
    "1+2=\uFFFC,false",
    "10+2=1\uFFFC,false",
    "\uFFFC1+2=3,false",
    "\uFFFC+2=4. 1+1=3,true",
    "99999999999999999999+1=100000000000000000000,false"
  })
  void anEquationBesideWhatIsNotKnownIsNone(String text, boolean isFalse) {
    assertThat(Equations.hasFalse(text)).isEqualTo(isFalse);
  }

  @Test
  void anEquationDependsOnTheLastOneWhoseResultItTakesUp() {
    List<Equations.Found> found = Equations.all("1+2=3. 3+4=7. 9-2=7. 7*3=21");
    assertThat(found).extracting(Equations.Found::result).containsExactly("3", "7", "7", "21");
    assertThat(found.get(0).dependsOn(List.of())).isEmpty();
    assertThat(found.get(1).dependsOn(found.subList(0, 1))).contains(found.get(0));
    assertThat(found.get(2).dependsOn(found.subList(0, 2))).isEmpty();
    assertThat(found.get(3).dependsOn(found.subList(0, 3))).contains(found.get(2));
    assertThat(found.get(3).resultFrom()).isEqualTo(25);
    assertThat(found.get(3).to()).isEqualTo(27);
  }
}
