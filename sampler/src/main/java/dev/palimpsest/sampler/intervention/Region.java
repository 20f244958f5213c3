package dev.palimpsest.sampler.intervention;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which positions after the prompt an intervention is about. */
public interface Region {

  /** The positions, ascending; in what state does not matter. */
  List<Integer> positions(StepContext context);

  /** What it is called in a trace. */
  String label();

  /** Everything after the prompt. */
  record All() implements Region {
    @Override
    public List<Integer> positions(StepContext context) {
      return context.positions();
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
    public List<Integer> positions(StepContext context) {
      return context.positions().stream()
          .filter(position -> position - context.canvas().promptLength() >= from)
          .filter(position -> position - context.canvas().promptLength() < to)
          .toList();
    }

    @Override
    public String label() {
      return "positions %d-%d".formatted(from, to - 1);
    }
  }

  /** Wherever a pattern matches the text after the prompt. */
  record Matching(Pattern pattern) implements Region {
    @Override
    public List<Integer> positions(StepContext context) {
      StringBuilder text = new StringBuilder();
      List<Integer> owners = new ArrayList<>();
      for (int position : context.positions()) {
        String piece = context.piece(position);
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
}
