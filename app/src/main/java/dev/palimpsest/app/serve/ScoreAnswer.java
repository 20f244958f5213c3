package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.Choice;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.openai.TokenLogprob;
import dev.palimpsest.app.openai.Usage;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.run.Scoring;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.io.EofException;

/**
 * Answers with the log-probabilities of prompts, as harnesses ask for them: echoed, with no token
 * or the most probable one behind. Each token is predicted from those before it: by a causal model
 * in one forward, by one that fills masks in a forward a token.
 */
record ScoreAnswer(Served served, DriverThread driver) {

  /**
   * A prompt.
   *
   * @param text as it is echoed
   */
  record Scored(int[] ids, String text) {}

  /**
   * Answers.
   *
   * @param alternatives that are named for every token
   * @param next whether the most probable token behind each prompt is added
   */
  void send(Exchange exchange, Reply reply, List<Scored> prompts, int alternatives, boolean next)
      throws IOException {
    BlockingQueue<Work> news = new LinkedBlockingQueue<>();
    long deadline = System.nanoTime() + served.limits().time().toNanos();
    List<ScoringWork> works = new ArrayList<>();
    for (Scored prompt : prompts) {
      works.add(
          new ScoringWork(
              new Work.Place(works.size(), exchange::isGone, deadline, news),
              scoring(prompt.ids(), next, Math.max(1, alternatives))));
    }
    driver.submit(works);
    List<Choice> choices = new ArrayList<>();
    Usage usage = new Usage(0, 0);
    try {
      for (int count = 0; count < works.size(); count++) {
        news.take();
      }
      for (ScoringWork work : works) {
        Scored prompt = prompts.get(work.index());
        choices.add(choice(prompt, scored(work), work.index(), alternatives, next));
        usage = usage.plus(new Usage(prompt.ids().length, next ? 1 : 0));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ServiceErrors.ending();
    } finally {
      works.forEach(Work::leave);
    }
    exchange.send(200, reply.whole(choices, usage));
  }

  private Scoring scoring(int[] ids, boolean next, int alternatives) {
    try {
      return served.language().generator().scoring(ids, next, alternatives);
    } catch (InvalidOptionException e) {
      throw RequestException.of(e, UnaryOperator.identity());
    }
  }

  private Scoring scored(ScoringWork work) throws IOException {
    return switch (work.outcome().orElseThrow()) {
      case Outcome.Scored(Scoring scoring) -> scoring;
      case Outcome.TimedOut _ -> throw ServiceErrors.timedOut(served.limits().time().toSeconds());
      case Outcome.ServerEnds _ -> throw ServiceErrors.ending();
      case Outcome.Unwanted _ -> throw new EofException("the client has gone");
      case Outcome.Failed _, Outcome.Written _ -> throw ServiceErrors.internal();
    };
  }

  private Choice choice(Scored prompt, Scoring scoring, int index, int alternatives, boolean next) {
    List<TokenLogprob> tokens = new ArrayList<>();
    int[] ids = prompt.ids();
    tokens.add(new TokenLogprob(ids[0], served.piece(ids[0]), OptionalDouble.empty(), List.of()));
    for (int position = 1; position < ids.length; position++) {
      tokens.add(
          token(
              ids[position],
              scoring.of(position).targetLogProbability().orElseThrow(),
              scoring.of(position),
              alternatives));
    }
    String text = prompt.text();
    if (next) {
      Prediction last = scoring.of(ids.length);
      Alternative best = last.alternatives().getFirst();
      TokenLogprob added = token(best.token(), Math.log(best.probability()), last, alternatives);
      tokens.add(added);
      text += added.token();
    }
    return new Choice(index, text, "length", Optional.of(tokens));
  }

  private TokenLogprob token(int id, double logprob, Prediction prediction, int alternatives) {
    return new TokenLogprob(
        id,
        served.piece(id),
        OptionalDouble.of(logprob),
        prediction.alternatives().stream()
            .limit(alternatives)
            .map(
                each ->
                    new TokenLogprob.Alternative(
                        each.token(), served.piece(each.token()), Math.log(each.probability())))
            .toList());
  }
}
