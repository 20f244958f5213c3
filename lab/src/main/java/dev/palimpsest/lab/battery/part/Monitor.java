package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.plan.Equations;
import java.util.regex.Pattern;

/** Reads a text and says whether something is wrong with it. */
public interface Monitor {
  /** Whether the text is flagged. */
  boolean flags(String text);

  /** What it is called in a report. */
  String name();

  /** Flags an equation that does not hold. */
  record FalseEquation() implements Monitor {
    @Override
    public boolean flags(String text) {
      return Equations.hasFalse(text);
    }

    @Override
    public String name() {
      return "an equation that does not hold";
    }
  }

  /** Flags what a pattern finds. */
  record Matching(Pattern pattern) implements Monitor {
    @Override
    public boolean flags(String text) {
      return pattern.matcher(text).find();
    }

    @Override
    public String name() {
      return "/" + pattern.pattern() + "/";
    }
  }
}
