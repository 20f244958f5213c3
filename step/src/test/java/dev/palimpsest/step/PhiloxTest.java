package dev.palimpsest.step;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The generator against the known answers of Random123 ({@code kat_vectors}, philox4x32 10). */
class PhiloxTest {
  @Test
  void knownAnswerOfZeros() {
    assertThat(block(0, 0, 0, 0, 0, 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  }

  @Test
  void knownAnswerOfOnes() {
    assertThat(block(-1, -1, -1, -1, -1, -1))
        .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  }

  @Test
  void knownAnswerOfPi() {
    assertThat(block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void aUseIsIndexPositionStepAndPurposeUnderTheSeed() {
    int[] used = new int[4];
    Philox.block(0x299f31d0a4093822L, 7, 5, new Philox.Purpose(1), 3, used);
    assertThat(used).containsExactly(block(3, 5, 7, 1, 0xa4093822, 0x299f31d0));
  }

  @Test
  void uniformNumbersStayInsideTheOpenInterval() {
    assertThat(Philox.uniform(0)).isEqualTo(0x1p-33);
    assertThat(Philox.uniform(-1)).isEqualTo(1 - 0x1p-33);
    assertThat(-Math.log(-Math.log(Philox.uniform(0)))).isFinite();
    assertThat(-Math.log(-Math.log(Philox.uniform(-1)))).isFinite();
  }

  private static int[] block(int c0, int c1, int c2, int c3, int k0, int k1) {
    int[] out = new int[4];
    Philox.block(c0, c1, c2, c3, k0, k1, out);
    return out;
  }
}
