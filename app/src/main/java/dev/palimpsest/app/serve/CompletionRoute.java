package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.CompletionRequest;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code /v1/completions}: prompts are continued. */
record CompletionRoute(Served served, Jobs jobs, TextAnswer answer) implements Route {
  @Override
  public void answer(Exchange exchange) throws IOException {
    CompletionRequest request = CompletionRequest.read(exchange.fields());
    GenerationParameters parameters = request.parameters();
    served.requireNamed(parameters.model());
    List<Job> all = new ArrayList<>();
    List<String> before = new ArrayList<>();
    for (CompletionRequest.RawPrompt prompt : request.prompts()) {
      int[] ids = served.ids(request, prompt);
      for (int text = 0; text < parameters.n(); text++) {
        all.add(jobs.behind(ids, parameters, text, request.logprobs()));
        before.add(request.echo() ? echoed(prompt, ids) : "");
      }
    }
    answer.send(exchange, served.reply(Reply.Form.COMPLETION), parameters, all, before);
  }

  private String echoed(CompletionRequest.RawPrompt prompt, int[] ids) {
    return switch (prompt) {
      case CompletionRequest.RawPrompt.Text(String text) -> text;
      case CompletionRequest.RawPrompt.Ids _ -> {
        if (ids.length == 0) {
          throw RequestException.wrong("prompt", "prompt has a list without token ids.");
        }
        yield served.tokenizer().decode(ids, false);
      }
    };
  }
}
