package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.Choice;
import dev.palimpsest.app.openai.GrowingText;
import dev.palimpsest.app.openai.TokenLogprob;
import dev.palimpsest.app.openai.Usage;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.run.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** One of the texts of an answer, as its request's thread reads it. */
final class TextPart {
  private final Served served;
  private final Writing writing;
  private final GrowingText text;
  private final List<TokenLogprob> logprobs = new ArrayList<>();
  private final TextRange range;
  private int logprobsGiven;
  private Optional<String> finishReason = Optional.empty();

  TextPart(Served served, Writing writing) {
    this.served = served;
    this.writing = writing;
    text = new GrowingText(served.tokenizer(), writing.job().stop());
    range = writing.job().range();
  }

  int index() {
    return writing.index();
  }

  Writing writing() {
    return writing;
  }

  boolean isFinished() {
    return finishReason.isPresent();
  }

  String finishReason() {
    return finishReason.orElseThrow();
  }

  /** Takes what a step has settled; a stop string in it ends the text. */
  void take(Writing.Step step) {
    add(range.tokens(step.snapshot().canvas(), served.language().specials(), step.settled()));
    if (text.isStopped()) {
      finishReason = Optional.of("stop");
      writing.stop();
    }
  }

  /** Takes the end of the generation. */
  void end(Generation generation) {
    CanvasImage canvas = generation.canvas();
    int[] tokens = range.tokens(canvas, generation.specials(), canvas.length());
    add(tokens);
    boolean stops = text.isStopped() || range.stops(canvas, generation.specials(), tokens.length);
    finishReason = Optional.of(stops ? "stop" : "length");
  }

  private void add(int[] tokens) {
    while (text.tokens() < tokens.length && !text.isStopped()) {
      int index = text.tokens();
      if (writing.job().logprobs().isPresent()) {
        logprobs.add(logprob(index, tokens[index]));
      }
      text.add(tokens[index]);
    }
  }

  /** What was added to the text since the last call. */
  String takeText() {
    return isFinished() ? text.take() + text.finish() : text.take();
  }

  /** Where the text begins that is given out next, in characters. */
  int offset() {
    return text.given();
  }

  /** The log-probabilities that were added since the last call, if they are wanted. */
  Optional<List<TokenLogprob>> takeLogprobs() {
    if (writing.job().logprobs().isEmpty()) {
      return Optional.empty();
    }
    List<TokenLogprob> added = List.copyOf(logprobs.subList(logprobsGiven, logprobs.size()));
    logprobsGiven = logprobs.size();
    return Optional.of(added);
  }

  /** The whole text, now that it is finished. */
  Choice choice(String before) {
    Optional<List<TokenLogprob>> tokens = takeLogprobs();
    String _ = takeText();
    return new Choice(index(), before + text.whole(), finishReason(), tokens);
  }

  Usage usage() {
    return new Usage(writing.job().run().canvas().promptLength(), text.tokens());
  }

  private TokenLogprob logprob(int index, int token) {
    Optional<Writing.Choice> written = writing.choice(range.start() + index);
    double probability = written.map(each -> each.commit().confidence()).orElse(1.0);
    return new TokenLogprob(
        token,
        served.piece(token),
        OptionalDouble.of(Math.log(probability)),
        written.map(Writing.Choice::alternatives).orElse(List.of()).stream()
            .map(
                each ->
                    new TokenLogprob.Alternative(
                        each.token(), served.piece(each.token()), Math.log(each.probability())))
            .toList());
  }
}
