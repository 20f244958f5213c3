package dev.palimpsest.app.serve;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.openai.ChatRequest;
import dev.palimpsest.app.openai.CompletionRequest.RawPrompt;
import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;

/** {@code /v1/edit/completions}: spans of a text are written anew, and the rest stays. */
record EditRoute(Served served, Jobs jobs, TextAnswer answer) implements Route {
  private static final int LONGEST = 1 << 24;

  /**
   * A span of the text, in code points.
   *
   * @param length in tokens; as many as the span has now if it is not there
   */
  private record Span(int start, int end, OptionalInt length) {}

  @Override
  public void answer(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    int[] prompt = prompt(fields);
    String text =
        fields
            .text("text")
            .orElseThrow(
                () -> RequestException.wrong("text", "text is missing: use the text to edit."));
    List<Span> spans = spans(fields, text.codePointCount(0, text.length()));
    GenerationParameters parameters = GenerationParameters.read(fields);
    fields.requireAllKnown();
    served.requireNamed(parameters.model());
    served.requireRoomFor(parameters.n());
    if (parameters.options().containsKey("gen_length")) {
      String name = parameters.spelled("gen_length");
      throw RequestException.wrong(
          name, name + " is no parameter of an edit, whose spans have lengths of their own.");
    }
    CanvasImage canvas = canvas(prompt, text, spans);
    TextRange range = new TextRange(prompt.length, canvas.length(), false);
    List<Job> all = new ArrayList<>();
    for (int each = 0; each < parameters.n(); each++) {
      all.add(jobs.between(canvas, range, parameters, each));
    }
    answer.send(
        exchange,
        served.reply(Reply.Form.COMPLETION),
        parameters,
        all,
        Collections.nCopies(all.size(), ""));
  }

  /** What stands before the text: a conversation that it answers, a prompt, or nothing. */
  private int[] prompt(Fields fields) {
    if (fields.value("messages").isPresent()) {
      if (fields.value("prompt").isPresent()) {
        throw RequestException.wrong("prompt", "prompt and messages exclude each other.");
      }
      return served.ids(new Prompt.Chat(ChatRequest.conversation(fields)));
    }
    RawPrompt prompt = RawPrompt.read(fields, "prompt").orElse(new RawPrompt.Ids(new int[0]));
    return Served.encoded("prompt", () -> prompt.ids(served.tokenizer(), true));
  }

  private static List<Span> spans(Fields fields, int codePoints) {
    List<Span> spans = new ArrayList<>();
    int last = 0;
    for (Fields edit : fields.objects("edits")) {
      int start = edit.integer("start", last, codePoints).orElse(last);
      int end = edit.integer("end", start, codePoints).orElse(codePoints);
      spans.add(new Span(start, end, edit.integer("length", 1, LONGEST)));
      edit.requireAllKnown();
      last = end;
    }
    if (spans.isEmpty()) {
      throw RequestException.wrong(
          "edits", "edits are missing: use a list of {\"start\", \"end\", \"length\"}, in order.");
    }
    return spans;
  }

  private CanvasImage canvas(int[] prompt, String text, List<Span> spans) {
    CanvasBuilder canvas =
        new CanvasBuilder(served.language().specials().maskId()).add(prompt, CellState.PROMPT);
    int room = served.language().limits().maxLength();
    int last = 0;
    for (Span span : spans) {
      canvas.add(ids(text, last, span.start()), CellState.FIXED);
      int own = ids(text, span.start(), span.end()).length;
      int length = span.length().orElse(own);
      if (length > room - canvas.length()) {
        throw RequestException.wrong(
            "edits",
            "The text has more than the %d tokens that the model takes, with a span of %d."
                .formatted(room, length));
      }
      canvas.gap(length, CellState.MASKED);
      last = span.end();
    }
    return canvas
        .add(ids(text, last, text.codePointCount(0, text.length())), CellState.FIXED)
        .canvas();
  }

  /** Each part is tokens by itself, so that what stays is what it was. */
  private int[] ids(String text, int from, int to) {
    String part = text.substring(text.offsetByCodePoints(0, from), text.offsetByCodePoints(0, to));
    return part.isEmpty()
        ? new int[0]
        : Served.encoded("text", () -> new RawPrompt.Text(part).ids(served.tokenizer(), false));
  }
}
