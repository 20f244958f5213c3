package dev.palimpsest.sampler.canvas;

/**
 * The text being written: an id and a state for every position, the prompt first.
 *
 * <p>LLaDA's {@code generate} asks {@code x == mask_id} to learn what is masked, so that a mask id
 * inside the prompt competes for the budget of every block, and a mask id that the model predicts
 * masks its position again. Here the state is kept apart from the id, and neither can happen.
 */
public final class Canvas {
  private final int[] ids;
  private final CellState[] states;
  private final int promptLength;
  private final int maskId;
  private Drafts drafts;
  private int open;

  /** A canvas of {@code prompt} and {@code genLength} masks, {@link CanvasImage#masked}. */
  public Canvas(int[] prompt, int genLength, int maskId) {
    this(CanvasImage.masked(prompt, genLength, maskId), maskId);
  }

  /**
   * A canvas that goes on from an image.
   *
   * @throws IllegalArgumentException if a masked position does not hold the mask id
   */
  public Canvas(CanvasImage image, int maskId) {
    promptLength = image.promptLength();
    ids = image.ids();
    states = image.states();
    drafts = image.drafts();
    this.maskId = maskId;
    for (int position = 0; position < ids.length; position++) {
      open += states[position].isOpen() ? 1 : 0;
      if (states[position] == CellState.MASKED) {
        if (ids[position] != maskId) {
          throw new IllegalArgumentException(
              "position "
                  + position
                  + " is MASKED and holds id "
                  + ids[position]
                  + " instead of the mask id "
                  + maskId);
        }
      }
    }
  }

  /** Positions of prompt and text together. */
  public int length() {
    return ids.length;
  }

  /** The first position that is not the prompt's. */
  public int promptLength() {
    return promptLength;
  }

  /** The id at a position; the mask id where it is masked. */
  public int id(int position) {
    return ids[position];
  }

  /** The state of a position. */
  public CellState state(int position) {
    return states[position];
  }

  /** A copy of all ids: what the model reads. */
  public int[] ids() {
    return ids.clone();
  }

  /** Positions that are not filled yet. */
  public int open() {
    return open;
  }

  /**
   * Fills an open position.
   *
   * @throws IllegalStateException if the position is not open
   */
  public void commit(int position, int id) {
    if (!states[position].isOpen()) {
      throw new IllegalStateException(
          "position "
              + position
              + " is "
              + states[position]
              + ": only MASKED and NOISE can be committed");
    }
    ids[position] = id;
    states[position] = CellState.COMMITTED;
    open--;
  }

  /**
   * Replaces the id of a committed position.
   *
   * @throws IllegalStateException if the position is not committed
   */
  public void edit(int position, int id) {
    requireCommitted(position, "edited");
    ids[position] = id;
  }

  /**
   * Masks a committed position again.
   *
   * @throws IllegalStateException if the position is not committed
   */
  public void remask(int position) {
    requireCommitted(position, "remasked");
    ids[position] = maskId;
    states[position] = CellState.MASKED;
    open++;
  }

  /**
   * Puts a random id where nothing is filled from then on.
   *
   * @throws IllegalStateException if the position is neither committed nor noise
   */
  public void noise(int position, int id) {
    if (states[position] != CellState.NOISE) {
      requireCommitted(position, "made noise");
      states[position] = CellState.NOISE;
      open++;
    }
    ids[position] = id;
  }

  /**
   * Fills, replaces, masks again and makes noise of what a turn says.
   *
   * @throws IllegalStateException if a position is not in the state that this needs
   */
  public void apply(Turn turn) {
    for (Commit commit : turn.commits()) {
      commit(commit.position(), commit.token());
    }
    for (Commit edit : turn.edits()) {
      edit(edit.position(), edit.token());
    }
    for (int position : turn.remasked()) {
      remask(position);
    }
    for (Noise each : turn.noise()) {
      noise(each.position(), each.id());
    }
    if (!turn.drafts().isEmpty()) {
      drafts = turn.drafts();
    }
  }

  private void requireCommitted(int position, String done) {
    if (states[position] != CellState.COMMITTED) {
      throw new IllegalStateException(
          "position " + position + " is " + states[position] + ": only COMMITTED can be " + done);
    }
  }

  /** The canvas as it is now, immutable. */
  public CanvasImage image() {
    return new CanvasImage(ids, states, promptLength, drafts);
  }
}
