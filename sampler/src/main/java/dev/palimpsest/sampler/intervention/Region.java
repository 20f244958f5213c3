package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.statistics.Spans;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Which positions after the prompt an intervention is about. */
public sealed interface Region {

  /** The positions, ascending; in what state does not matter. */
  List<Integer> positions(Moment moment);

  /** What it is called in a trace. */
  String label();

  /** Everything after the prompt. */
  record All() implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      return everything(moment);
    }

    @Override
    public String label() {
      return "the text";
    }
  }

  /**
   * A stretch by its place.
   *
   * @param from counted from the end of the prompt
   * @param to exclusive
   */
  record Span(int from, int to) implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      return everything(moment).stream()
          .filter(position -> position - moment.canvas().promptLength() >= from)
          .filter(position -> position - moment.canvas().promptLength() < to)
          .toList();
    }

    @Override
    public String label() {
      return "positions %d-%d".formatted(from, to - 1);
    }
  }

  /** The answer, where the text has one already. */
  record Answer() implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      return spans(moment).map(spans -> list(spans.answerPositions())).orElse(List.of());
    }

    @Override
    public String label() {
      return "the answer";
    }
  }

  /** What stands before the answer; everything up to the end of the text where there is none. */
  record Reasoning() implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      return spans(moment)
          .map(spans -> list(spans.reasoningPositions()))
          .orElseGet(
              () ->
                  everything(moment).stream()
                      .filter(position -> !isEnd(moment, position))
                      .toList());
    }

    @Override
    public String label() {
      return "the reasoning";
    }
  }

  /** Everything but the answer. */
  record AllButAnswer() implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      Set<Integer> answer = new TreeSet<>(new Answer().positions(moment));
      return everything(moment).stream().filter(position -> !answer.contains(position)).toList();
    }

    @Override
    public String label() {
      return "the text without its answer";
    }
  }

  /** Wherever a pattern matches the text after the prompt. */
  record Matching(Pattern pattern) implements Region {
    @Override
    public List<Integer> positions(Moment moment) {
      StringBuilder text = new StringBuilder();
      List<Integer> owners = new ArrayList<>();
      for (int position : everything(moment)) {
        String piece = moment.piece(position);
        text.append(piece);
        for (int character = 0; character < piece.length(); character++) {
          owners.add(position);
        }
      }
      Set<Integer> found = new TreeSet<>();
      Matcher matcher = pattern.matcher(text);
      while (matcher.find()) {
        found.addAll(owners.subList(matcher.start(), matcher.end()));
      }
      return List.copyOf(found);
    }

    @Override
    public String label() {
      return "what matches /" + pattern.pattern() + "/";
    }
  }

  private static Optional<Spans> spans(Moment moment) {
    SpecialTokens specials = moment.language().specials();
    return Spans.of(
        moment.canvas(), specials, moment.language()::piece, moment.language().answer());
  }

  private static boolean isEnd(Moment moment, int position) {
    return moment.canvas().state(position) == CellState.COMMITTED && !moment.isText(position);
  }

  private static List<Integer> everything(Moment moment) {
    return IntStream.range(moment.canvas().promptLength(), moment.canvas().length())
        .boxed()
        .toList();
  }

  private static List<Integer> list(int[] positions) {
    return Arrays.stream(positions).boxed().toList();
  }
}
