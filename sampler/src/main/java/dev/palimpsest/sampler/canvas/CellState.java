package dev.palimpsest.sampler.canvas;

/** What a position of a canvas is. The state decides, never the id that stands there. */
public enum CellState {
  /** Given by the caller; never changed, whatever its id. */
  PROMPT('P'),
  /** Not filled yet; holds the mask id. */
  MASKED('M'),
  /** Not filled yet; holds a random id, which the model reads as any other. */
  NOISE('N'),
  /** Filled by a step. */
  COMMITTED('C'),
  /**
   * Given by the caller behind the prompt; never changed, whatever its id. With the mask id it is a
   * mask that stays one.
   */
  FIXED('F');

  private final char letter;

  CellState(char letter) {
    this.letter = letter;
  }

  /** Whether a step is still to fill the position. */
  public boolean isOpen() {
    return this == MASKED || this == NOISE;
  }

  /** A letter for every position of a canvas, as traces and servers write states. */
  public static String letters(CanvasImage canvas) {
    StringBuilder letters = new StringBuilder();
    for (CellState state : canvas.states()) {
      letters.append(state.letter);
    }
    return letters.toString();
  }

  /**
   * The states that {@link #letters} wrote.
   *
   * @throws IllegalArgumentException if a letter is none of them
   */
  public static CellState[] ofLetters(String letters) {
    CellState[] states = new CellState[letters.length()];
    for (int position = 0; position < states.length; position++) {
      states[position] = ofLetter(letters.charAt(position), position);
    }
    return states;
  }

  private static CellState ofLetter(char letter, int position) {
    for (CellState state : values()) {
      if (state.letter == letter) {
        return state;
      }
    }
    throw new IllegalArgumentException("position " + position + " has the unknown state " + letter);
  }
}
