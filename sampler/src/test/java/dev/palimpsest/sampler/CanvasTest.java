package dev.palimpsest.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CanvasTest {
  @Test
  void aCanvasIsAPromptAndMasks() {
    int[] prompt = {4, 9, 5};
    Canvas canvas = new Canvas(prompt, 3, 9);
    prompt[0] = 7;
    assertThat(canvas.ids()).containsExactly(4, 9, 5, 9, 9, 9);
    assertThat(canvas.idsWithoutPrompt()).containsExactly(9, 9, 9, 9, 9, 9);
    assertThat(canvas.masked()).isEqualTo(3);
    assertThat(canvas.maskedPositions(0, 6)).containsExactly(3, 4, 5);
    assertThat(canvas.state(1)).isEqualTo(CellState.PROMPT);
    assertThat(canvas.image()).hasToString("4 9 5 | _ _ _");
  }

  @Test
  void onlyAMaskedPositionCanBeCommittedAndOnlyOnce() {
    Canvas canvas = new Canvas(new int[] {9}, 2, 9);
    canvas.commit(2, 9);
    assertThat(canvas.state(2)).isEqualTo(CellState.COMMITTED);
    assertThat(canvas.masked()).isEqualTo(1);
    assertThat(canvas.maskedPositions(1, 3)).containsExactly(1);
    assertThatThrownBy(() -> canvas.commit(2, 3))
        .hasMessage("position 2 is COMMITTED: only MASKED can be committed");
    assertThatThrownBy(() -> canvas.commit(0, 3))
        .hasMessage("position 0 is PROMPT: only MASKED can be committed");
  }

  @Test
  void anImageDoesNotFollowItsCanvas() {
    Canvas canvas = new Canvas(new int[] {1}, 2, 9);
    CanvasImage before = canvas.image();
    canvas.commit(1, 5);
    before.ids()[1] = 6;
    assertThat(before.ids()).containsExactly(1, 9, 9);
    assertThat(before.state(1)).isEqualTo(CellState.MASKED);
    assertThat(before)
        .isNotEqualTo(canvas.image())
        .isEqualTo(new Canvas(new int[] {1}, 2, 9).image());
    assertThat(before).hasSameHashCodeAs(new Canvas(new int[] {1}, 2, 9).image());
  }
}
