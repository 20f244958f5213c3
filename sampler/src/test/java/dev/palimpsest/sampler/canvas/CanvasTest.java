package dev.palimpsest.sampler.canvas;

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
    assertThat(canvas.image().idsWithoutPrompt(9)).containsExactly(9, 9, 9, 9, 9, 9);
    assertThat(canvas.open()).isEqualTo(3);
    assertThat(canvas.image().positions(CellState.MASKED, 0, 6)).containsExactly(3, 4, 5);
    assertThat(canvas.state(1)).isEqualTo(CellState.PROMPT);
    assertThat(canvas.image()).hasToString("4 9 5 | _ _ _");
  }

  @Test
  void onlyAMaskedPositionCanBeCommittedAndOnlyOnce() {
    Canvas canvas = new Canvas(new int[] {9}, 2, 9);
    canvas.commit(2, 9);
    assertThat(canvas.state(2)).isEqualTo(CellState.COMMITTED);
    assertThat(canvas.open()).isEqualTo(1);
    assertThat(canvas.image().positions(CellState.MASKED, 1, 3)).containsExactly(1);
    assertThatThrownBy(() -> canvas.commit(2, 3))
        .hasMessage("position 2 is COMMITTED: only MASKED and NOISE can be committed");
    assertThatThrownBy(() -> canvas.commit(0, 3))
        .hasMessage("position 0 is PROMPT: only MASKED and NOISE can be committed");
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

  @Test
  void aCommittedPositionCanBeEditedAndMaskedAgain() {
    Canvas canvas = new Canvas(new int[] {1}, 2, 9);
    canvas.commit(1, 5);
    canvas.edit(1, 6);
    assertThat(canvas.image()).hasToString("1 | 6 _");
    canvas.remask(1);
    assertThat(canvas.image()).isEqualTo(new Canvas(new int[] {1}, 2, 9).image());
    assertThat(canvas.open()).isEqualTo(2);
    assertThatThrownBy(() -> canvas.edit(2, 3))
        .hasMessage("position 2 is MASKED: only COMMITTED can be edited");
    assertThatThrownBy(() -> canvas.remask(0))
        .hasMessage("position 0 is PROMPT: only COMMITTED can be remasked");
  }

  @Test
  void aCanvasGoesOnFromAnImagePutTogetherFromItsParts() {
    CellState[] states = {CellState.PROMPT, CellState.COMMITTED, CellState.MASKED};
    CanvasImage image = CanvasImage.of(new int[] {1, 5, 9}, states, 1);
    Canvas canvas = new Canvas(image, 9);
    assertThat(canvas.image()).isEqualTo(image);
    assertThat(canvas.open()).isEqualTo(1);
    canvas.commit(2, 4);
    assertThat(canvas.image()).hasToString("1 | 5 4");
    assertThatThrownBy(() -> new Canvas(image, 8))
        .hasMessage("position 2 is MASKED and holds id 9 instead of the mask id 8");
    assertThatThrownBy(() -> CanvasImage.of(new int[] {1, 5, 9}, states, 2))
        .hasMessage("position 1 is COMMITTED where the prompt has 2 positions");
    assertThatThrownBy(() -> CanvasImage.of(new int[] {1, 5}, states, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
