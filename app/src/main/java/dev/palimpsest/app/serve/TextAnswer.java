package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.Choice;
import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.app.openai.Reply;
import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.openai.TokenLogprob;
import dev.palimpsest.app.openai.Usage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.eclipse.jetty.io.EofException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Answers with texts: whole, or in a stream while they are written. */
final class TextAnswer {
  private final Served served;
  private final DriverThread driver;
  private final StepFrame frames;

  TextAnswer(Served served, DriverThread driver) {
    this.served = served;
    this.driver = driver;
    frames = new StepFrame(served);
  }

  /**
   * Answers.
   *
   * @param jobs in the order of the texts
   * @param before what stands before the texts in the answer, one for each
   */
  void send(
      Exchange exchange,
      Reply reply,
      GenerationParameters parameters,
      List<Job> jobs,
      List<String> before)
      throws IOException {
    BlockingQueue<Work> news = new LinkedBlockingQueue<>();
    long deadline = System.nanoTime() + served.limits().time().toNanos();
    List<Writing> writings = new ArrayList<>();
    for (Job job : jobs) {
      writings.add(
          new Writing(new Work.Place(writings.size(), exchange::isGone, deadline, news), job));
    }
    driver.submit(writings);
    List<TextPart> parts = writings.stream().map(writing -> new TextPart(served, writing)).toList();
    try {
      if (parameters.streaming().wanted()) {
        stream(exchange.events(), reply, parameters, parts, before, news);
      } else {
        whole(exchange, reply, parameters, parts, before, news);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ServiceErrors.ending();
    } finally {
      writings.forEach(Writing::leave);
    }
  }

  private void whole(
      Exchange exchange,
      Reply reply,
      GenerationParameters parameters,
      List<TextPart> parts,
      List<String> before,
      BlockingQueue<Work> news)
      throws IOException, InterruptedException {
    List<List<ObjectNode>> steps = new ArrayList<>();
    parts.forEach(_ -> steps.add(new ArrayList<>()));
    follow(
        parts,
        news,
        (part, step) -> {
          if (parameters.returnSteps()) {
            steps.get(part.index()).add(frame(part, step));
          }
        },
        _ -> {});
    List<Choice> choices = new ArrayList<>();
    for (TextPart part : parts) {
      choices.add(part.choice(before.get(part.index())));
    }
    ObjectNode body = reply.whole(choices, usage(parts));
    if (parameters.returnSteps()) {
      ArrayNode all = body.putArray("diffusion");
      for (TextPart part : parts) {
        ArrayNode own = all.addObject().put("index", part.index()).putArray("steps");
        steps.get(part.index()).forEach(own::add);
      }
    }
    if (parameters.record()) {
      ArrayNode traces = body.putArray("traces");
      parts.forEach(part -> part.writing().job().trace().ifPresent(traces::add));
    }
    exchange.send(200, body);
  }

  private static Usage usage(List<TextPart> parts) {
    return parts.stream().map(TextPart::usage).reduce(new Usage(0, 0), Usage::plus);
  }

  private ObjectNode frame(TextPart part, Writing.Step step) {
    return frames.of(step, part.writing().job().range(), part.writing().leftOut());
  }

  private void stream(
      EventStream events,
      Reply reply,
      GenerationParameters parameters,
      List<TextPart> parts,
      List<String> before,
      BlockingQueue<Work> news)
      throws IOException, InterruptedException {
    try {
      for (TextPart part : parts) {
        Optional<ObjectNode> opening = reply.opening(part.index());
        if (opening.isPresent()) {
          part.writing().job().trace().ifPresent(id -> opening.get().put("trace", id));
          events.send(opening.get());
        }
        String prefix = before.get(part.index());
        if (!prefix.isEmpty()) {
          events.send(reply.delta(part.index(), prefix, Optional.empty(), 0));
        }
      }
      boolean wholeTexts = parameters.streaming().wholeTexts();
      follow(
          parts,
          news,
          (part, step) -> {
            if (parameters.returnSteps()) {
              ObjectNode chunk = reply.aside(part.index());
              chunk.set("diffusion", frame(part, step));
              events.send(chunk);
            }
            if (wholeTexts) {
              String text = frames.text(step.snapshot().canvas(), part.writing().job().range());
              events.send(reply.delta(part.index(), text, Optional.empty(), 0));
            } else {
              sendDelta(events, reply, part, before.get(part.index()).length());
            }
          },
          part -> {
            if (wholeTexts) {
              String text = part.choice("").text();
              events.send(reply.delta(part.index(), text, Optional.empty(), 0));
            } else {
              sendDelta(events, reply, part, before.get(part.index()).length());
            }
            ObjectNode closing = reply.closing(part.index(), part.finishReason());
            part.writing().job().trace().ifPresent(id -> closing.put("trace", id));
            events.send(closing);
          });
      if (parameters.streaming().usage()) {
        events.send(reply.usage(usage(parts)));
      }
      events.end();
    } catch (RequestException e) {
      events.fail(e);
    }
  }

  private static void sendDelta(EventStream events, Reply reply, TextPart part, int prefix)
      throws IOException {
    int offset = prefix + part.offset();
    String text = part.takeText();
    Optional<List<TokenLogprob>> logprobs = part.takeLogprobs();
    if (!text.isEmpty() || logprobs.filter(each -> !each.isEmpty()).isPresent()) {
      events.send(reply.delta(part.index(), text, logprobs, offset));
    }
  }

  /** What is done with a step of a text. */
  private interface OnStep {
    void taken(TextPart part, Writing.Step step) throws IOException;
  }

  /** What is done with a text that is finished. */
  private interface OnEnd {
    void finished(TextPart part) throws IOException;
  }

  private void follow(List<TextPart> parts, BlockingQueue<Work> news, OnStep onStep, OnEnd onEnd)
      throws IOException, InterruptedException {
    int open = parts.size();
    while (open > 0) {
      TextPart part = parts.get(news.take().index());
      Writing writing = part.writing();
      if (part.isFinished()) {
        continue;
      }
      Writing.News told = writing.takeNews();
      for (Writing.Step step : told.steps()) {
        if (!part.isFinished()) {
          part.take(step);
          onStep.taken(part, step);
        }
      }
      if (!part.isFinished() && told.outcome().isPresent()) {
        end(part, told.outcome().get());
      }
      if (part.isFinished()) {
        open--;
        onEnd.finished(part);
      }
    }
  }

  private void end(TextPart part, Outcome outcome) throws IOException {
    switch (outcome) {
      case Outcome.Written written -> part.end(written.generation());
      case Outcome.TimedOut _ -> throw ServiceErrors.timedOut(served.limits().time().toSeconds());
      case Outcome.Failed _, Outcome.Scored _ -> throw ServiceErrors.internal();
      case Outcome.ServerEnds _ -> throw ServiceErrors.ending();
      case Outcome.Unwanted _ -> throw new EofException("the client has gone");
    }
  }
}
