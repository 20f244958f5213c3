package dev.palimpsest.engine.text.jinja;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What writes or acts. */
sealed interface Statement {
  record Text(String text) implements Statement {}

  record Print(Expression value, int line) implements Statement {}

  record If(Expression test, List<Statement> then, List<Statement> otherwise, int line)
      implements Statement {}

  /**
   * A loop.
   *
   * @param targets more than one take an item apart
   * @param filter of the items, if there is one
   */
  record For(
      List<String> targets,
      Expression items,
      Optional<Expression> filter,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {}

  /** {@code set a = …} or {@code set a, b = …}. */
  record Assign(List<String> targets, Expression value, int line) implements Statement {}

  /** {@code set namespace.attribute = …}. */
  record AssignAttribute(String namespace, String attribute, Expression value, int line)
      implements Statement {}

  /** {@code set a} … {@code endset}, its text through filters. */
  record AssignText(String target, List<FilterCall> filters, List<Statement> body, int line)
      implements Statement {}

  /** What stands between a block of filters and its end. */
  record Filtered(List<FilterCall> filters, List<Statement> body, int line) implements Statement {}

  /** {@code with a = …} … {@code endwith}. */
  record With(Map<String, Expression> values, List<Statement> body, int line)
      implements Statement {}

  /** A part that only marks what it holds, as {@code generation} does. */
  record Group(List<Statement> body) implements Statement {}

  record Macro(
      String name,
      List<String> parameters,
      Map<String, Expression> defaults,
      List<Statement> body,
      int line)
      implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  /** A filter by name, for a text that comes before it. */
  record FilterCall(String name, Expression.Arguments arguments) {}
}
