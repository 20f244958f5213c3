package dev.palimpsest.jinja;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A part of a template that writes text, assigns or steers. */
sealed interface Statement {
  record Text(String text) implements Statement {}

  record Print(Expression value, int line) implements Statement {}

  record If(Expression test, List<Statement> then, List<Statement> otherwise, int line)
      implements Statement {}

  /**
   * A loop.
   *
   * @param filter of the items, if there is one
   * @param recursive whether its body may call it with other items
   */
  record For(
      Target target,
      Expression items,
      Optional<Expression> filter,
      List<Statement> body,
      List<Statement> otherwise,
      boolean recursive,
      int line)
      implements Statement {}

  /** {@code set a = …} or {@code set a, b.c = …}. */
  record Assign(Target target, Expression value, int line) implements Statement {}

  /** {@code set a} … {@code endset}, its text through filters. */
  record AssignText(Target target, List<FilterCall> filters, List<Statement> body, int line)
      implements Statement {}

  /** A block whose text goes through filters. */
  record Filtered(List<FilterCall> filters, List<Statement> body, int line) implements Statement {}

  /** {@code with a = …} … {@code endwith}. */
  record With(Map<String, Expression> values, List<Statement> body, int line)
      implements Statement {}

  /** A block that changes nothing in the statements it holds: {@code generation}. */
  record Group(List<Statement> body) implements Statement {}

  /**
   * A macro.
   *
   * @param extras which of {@code varargs}, {@code kwargs} and {@code caller} its body uses
   */
  record Macro(
      String name,
      List<String> parameters,
      Map<String, Expression> defaults,
      Set<String> extras,
      List<Statement> body,
      int line)
      implements Statement {}

  /** {@code call(a) m(…)} … {@code endcall}: a call of a macro that can call what stands here. */
  record CallBlock(Expression call, Macro caller, int line) implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  /** A filter by name, for a text that comes before it. */
  record FilterCall(String name, Expression.Arguments arguments) {}

  /** A name, or several, that a value is assigned to. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record Member(String namespace, String attribute) implements Target {}

    /** Takes a value's items apart. */
    record Several(List<Target> targets) implements Target {}
  }
}
