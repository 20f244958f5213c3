package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.CompletionRequest;
import dev.palimpsest.app.openai.CompletionRequest.RawPrompt;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code /v1/completions}: prompts are continued, or scored. */
record CompletionRoute(
    Served served, Jobs jobs, Infill infill, TextAnswer answer, ScoreAnswer scores)
    implements Route {
  @Override
  public void answer(Exchange exchange) throws IOException {
    CompletionRequest request = CompletionRequest.read(exchange.fields());
    served.requireNamed(request.parameters().model());
    served.requireRoomFor((long) request.prompts().size() * request.parameters().n());
    if (request.echo() && request.logprobs().isPresent()) {
      score(exchange, request);
    } else {
      write(exchange, request);
    }
  }

  private void write(Exchange exchange, CompletionRequest request) throws IOException {
    GenerationParameters parameters = request.parameters();
    List<Job> all = new ArrayList<>();
    List<String> before = new ArrayList<>();
    for (RawPrompt prompt : request.prompts()) {
      int[] ids = served.ids(request, prompt);
      for (int text = 0; text < parameters.n(); text++) {
        all.add(
            request.suffix().isPresent()
                ? between(request, prompt, text)
                : jobs.behind(ids, parameters, text, request.logprobs()));
        before.add(request.echo() ? echoed(prompt, ids) : "");
      }
    }
    answer.send(exchange, served.reply(Reply.Form.COMPLETION), parameters, all, before);
  }

  private Job between(CompletionRequest request, RawPrompt prompt, int text) {
    GenerationParameters parameters = request.parameters();
    if (!(parameters.options().get("gen_length") instanceof Integer length) || length < 1) {
      throw RequestException.wrong(
          "max_tokens", "max_tokens is missing: before a suffix, it is the length of the gap.");
    }
    if (request.logprobs().isPresent()) {
      throw RequestException.wrong("logprobs", "logprobs exclude a suffix: leave one of them out.");
    }
    return infill.job(
        prompt,
        request.addSpecialTokens(),
        new RawPrompt.Text(request.suffix().orElseThrow()),
        length,
        parameters,
        text);
  }

  private void score(Exchange exchange, CompletionRequest request) throws IOException {
    GenerationParameters parameters = request.parameters();
    Object length = parameters.options().getOrDefault("gen_length", -1);
    if (!length.equals(0) && !length.equals(1)) {
      throw RequestException.wrong(
          parameters.spelled("gen_length"),
          "echo with logprobs scores the prompt: use it with max_tokens 0 or 1.");
    }
    if (parameters.options().get("temperature") instanceof Number temperature
        && temperature.doubleValue() != 0
        && length.equals(1)) {
      throw RequestException.wrong(
          "temperature", "echo with logprobs adds the most probable token: use temperature 0.");
    }
    if (parameters.streaming().wanted() || parameters.n() > 1 || request.suffix().isPresent()) {
      throw RequestException.wrong(
          "echo", "echo with logprobs excludes stream, n and suffix: leave them out.");
    }
    List<ScoreAnswer.Scored> prompts = new ArrayList<>();
    for (RawPrompt prompt : request.prompts()) {
      int[] ids = served.ids(request, prompt);
      prompts.add(new ScoreAnswer.Scored(ids, echoed(prompt, ids)));
    }
    scores.send(
        exchange,
        served.reply(Reply.Form.COMPLETION),
        prompts,
        request.logprobs().getAsInt(),
        length.equals(1));
  }

  private String echoed(RawPrompt prompt, int[] ids) {
    return switch (prompt) {
      case RawPrompt.Text(String text) -> text;
      case RawPrompt.Ids _ -> served.tokenizer().decode(ids, false);
    };
  }
}
