package dev.palimpsest.sampler.canvas;

/**
 * Where a run is: plain numbers, which a trace records and from which, with the canvas, a run goes
 * on anywhere.
 *
 * @param step steps taken so far; the index of the next one, and part of its random keys
 * @param block the block being written, from 0; of {@code linear_spec} and {@code isd}, whose
 *     blocks begin where the one before was found right, the position where it begins, counted from
 *     the end of the prompt
 * @param stepInBlock steps taken in that block
 * @param stepsFull steps taken in that block since none of its positions is masked, by samplers
 *     that go on editing; of canvases of noise, steps in a row that left every draft as it was
 */
public record Cursor(int step, int block, int stepInBlock, int stepsFull) {
  /** The cursor before the first step. */
  public static final Cursor START = new Cursor(0, 0, 0, 0);

  /** Checks that nothing is negative. */
  public Cursor {
    if (step < 0 || block < 0 || stepInBlock < 0 || stepsFull < 0) {
      throw new IllegalArgumentException(
          "a cursor counts from 0, got step %d, block %d, step %d of the block, %d when full"
              .formatted(step, block, stepInBlock, stepsFull));
    }
  }

  /** The cursor after a step that stays in the block. */
  public Cursor nextStep() {
    return new Cursor(step + 1, block, stepInBlock + 1, stepsFull);
  }

  /** The cursor after a step in a block that was full before it. */
  public Cursor nextFullStep() {
    return new Cursor(step + 1, block, stepInBlock + 1, stepsFull + 1);
  }

  /** The cursor after a step that ends the block. */
  public Cursor nextBlock() {
    return new Cursor(step + 1, block + 1, 0, 0);
  }
}
