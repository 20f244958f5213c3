package dev.palimpsest.app.serve;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.openai.ChatRequest;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** {@code /v1/chat/completions}: a conversation is answered. */
record ChatRoute(Served served, Jobs jobs, TextAnswer answer) implements Route {
  @Override
  public void answer(Exchange exchange) throws IOException {
    ChatRequest request = ChatRequest.read(exchange.fields());
    GenerationParameters parameters = request.parameters();
    served.requireNamed(parameters.model());
    served.requireRoomFor(parameters.n());
    int[] prompt = served.ids(new Prompt.Chat(request.conversation()));
    List<Job> all = new ArrayList<>();
    for (int text = 0; text < parameters.n(); text++) {
      all.add(jobs.behind(prompt, parameters, text, request.logprobs()));
    }
    answer.send(
        exchange,
        served.reply(Reply.Form.CHAT),
        parameters,
        all,
        Collections.nCopies(all.size(), ""));
  }
}
