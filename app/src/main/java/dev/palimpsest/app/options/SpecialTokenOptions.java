package dev.palimpsest.app.options;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.text.Conversation;
import java.util.List;
import picocli.CommandLine.Option;

/** How a text that a user gives becomes the tokens of a prompt. */
public final class SpecialTokenOptions {
  @Option(
      names = "--parse-special",
      description =
          "Read control tokens that are written in the prompt, such as <|endoftext|>, as such; they"
              + " are text if this is not given.")
  private boolean parseSpecial;

  /** Whether control tokens in a prompt are read as such. */
  public boolean parsesSpecial() {
    return parseSpecial;
  }

  public int[] ids(Model model, String text) {
    return model.prompt(text, parseSpecial);
  }

  public int[] ids(Model model, Conversation conversation) {
    return model.prompt(conversation, parseSpecial);
  }

  public List<String> unknownWords(Model model, String text) {
    return model.unknownWords(text, parseSpecial);
  }

  public List<String> unknownWords(Model model, Conversation conversation) {
    return model.unknownWords(conversation, parseSpecial);
  }
}
