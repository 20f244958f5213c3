package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.CompletionRequest.RawPrompt;
import dev.palimpsest.app.openai.Fields;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;

/** {@code /v1/fim/completions}: a gap of an exact length, between a prompt and a suffix. */
record FimRoute(Served served, Infill infill, TextAnswer answer) implements Route {
  private static final int LONGEST = 1 << 24;

  @Override
  public void answer(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    RawPrompt prompt = RawPrompt.read(fields, "prompt").orElse(new RawPrompt.Text(""));
    RawPrompt suffix = RawPrompt.read(fields, "suffix").orElse(new RawPrompt.Text(""));
    OptionalInt length = fields.integer("length", 1, LONGEST);
    GenerationParameters parameters = GenerationParameters.read(fields);
    fields.requireAllKnown();
    served.requireNamed(parameters.model());
    served.requireRoomFor(parameters.n());
    if (length.isEmpty() || parameters.options().containsKey("gen_length")) {
      throw RequestException.wrong(
          "length", "length is what says how many tokens the gap has: use it, and nothing else.");
    }
    List<Job> jobs = new ArrayList<>();
    for (int text = 0; text < parameters.n(); text++) {
      jobs.add(infill.job(prompt, true, suffix, length.getAsInt(), parameters, text));
    }
    answer.send(
        exchange,
        served.reply(Reply.Form.COMPLETION),
        parameters,
        jobs,
        Collections.nCopies(jobs.size(), ""));
  }
}
