package dev.palimpsest.app.batch;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Conversation;
import java.io.IOException;
import java.util.Optional;

/**
 * Rows whose prompts are token ids already, so that the thread that reads them does that work and
 * not the one that computes.
 */
record TokenRows(Rows rows, Model model, SpecialTokenOptions specialTokens) implements Rows {
  @Override
  public Optional<Row> next() throws IOException {
    return rows.next().map(this::encoded);
  }

  private Row encoded(Row row) {
    if (!(row instanceof Row.Asked asked)) {
      return row;
    }
    try {
      Prompt ids =
          switch (asked.prompt()) {
            case Prompt.Text(String text) -> new Prompt.Ids(specialTokens.ids(model, text));
            case Prompt.Chat(Conversation conversation) ->
                new Prompt.Ids(specialTokens.ids(model, conversation));
            case Prompt.Ids given -> given;
          };
      return new Row.Asked(asked.number(), asked.id(), ids, asked.options());
    } catch (CheckpointException e) {
      return new Row.Bad(asked.number(), asked.id(), String.valueOf(e.getMessage()));
    }
  }

  @Override
  public void close() throws IOException {
    rows.close();
  }
}
