package dev.palimpsest.lab.plan;

import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Change;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.StepContext;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;

/**
 * Makes an equation wrong: another result with as many digits, as a slip in reckoning gives, a
 * little above or below. Where no equation is complete yet, nothing changes.
 *
 * @param region where to look; of several right equations one is chosen at random
 */
public record Mistake(Region region) implements CanvasTransform {
  private static final int MOST = 9;

  /** Digits of a result that a long holds, and its slips too. */
  private static final int LONGEST = 18;

  @Override
  public String name() {
    return "mistake";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    double best = 2;
    Optional<Change> chosen = Optional.empty();
    for (StepContext.Stretch stretch : context.stretches(region.positions(context))) {
      Matcher matcher = Equations.EQUATION.matcher(stretch.text());
      while (matcher.find()) {
        int position = stretch.within(matcher.start(4), matcher.end(4)).getFirst();
        double rank = context.uniform(position, 0);
        if (rank < best && Equations.holds(matcher)) {
          Optional<Change> change = wrong(context, stretch, matcher, position);
          best = change.isPresent() ? rank : best;
          chosen = change.isPresent() ? change : chosen;
        }
      }
    }
    return chosen.isPresent()
        ? chosen
        : Optional.of(Change.flag("no right equation is complete in " + region.label()));
  }

  private static Optional<Change> wrong(
      StepContext context, StepContext.Stretch stretch, Matcher matcher, int position) {
    int slip = 1 + (int) (MOST * context.uniform(position, 1));
    boolean above = context.uniform(position, 2) < 0.5;
    if (matcher.group(4).length() > LONGEST) {
      return Optional.empty();
    }
    long right = Long.parseLong(matcher.group(4));
    long wrong = right + (above ? slip : -slip);
    if (wrong < 0 || String.valueOf(wrong).length() != matcher.group(4).length()) {
      wrong = right + (above ? -slip : slip);
    }
    if (wrong < 0 || String.valueOf(wrong).length() != matcher.group(4).length()) {
      return Optional.empty();
    }
    String text =
        new StringBuilder(stretch.text())
            .replace(matcher.start(4), matcher.end(4), String.valueOf(wrong))
            .toString();
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int place : stretch.within(matcher.start(4), matcher.end(4))) {
      int index = stretch.positions().indexOf(place);
      int end =
          index + 1 < stretch.starts().size() ? stretch.starts().get(index + 1) : text.length();
      context
          .language()
          .id(text.substring(stretch.starts().get(index), end))
          .ifPresent(id -> writes.put(place, id));
    }
    String cause =
        "%s became %s%s%s=%d"
            .formatted(
                matcher.group(), matcher.group(1), matcher.group(2), matcher.group(3), wrong);
    return Optional.of(Change.write(cause, writes));
  }
}
