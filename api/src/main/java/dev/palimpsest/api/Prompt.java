package dev.palimpsest.api;

import dev.palimpsest.engine.text.Conversation;

/**
 * What a text is to follow. Control tokens that are written in a user's words are read as words.
 */
public sealed interface Prompt {

  /** A user's text: in the model's chat template if it has one, else standing alone. */
  record Text(String text) implements Prompt {}

  /** A conversation, for models with a chat template. */
  record Chat(Conversation conversation) implements Prompt {}

  /**
   * Token ids, taken as they are.
   *
   * @param ids copied
   */
  record Ids(int[] ids) implements Prompt {
    /** Takes its own copy. */
    public Ids {
      ids = ids.clone();
    }

    /** A copy of the ids. */
    @Override
    public int[] ids() {
      return ids.clone();
    }
  }
}
