package dev.palimpsest.jinja;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A part of a template that has a value. */
sealed interface Expression {
  record Literal(Object value) implements Expression {}

  record Name(String name) implements Expression {}

  record ListOf(List<Expression> items) implements Expression {}

  record TupleOf(List<Expression> items) implements Expression {}

  record DictOf(List<Expression> keys, List<Expression> values) implements Expression {}

  record Attribute(Expression target, String name) implements Expression {}

  record Item(Expression target, Expression key) implements Expression {}

  record Slice(
      Expression target,
      Optional<Expression> start,
      Optional<Expression> stop,
      Optional<Expression> step)
      implements Expression {}

  record Call(Expression target, Arguments arguments) implements Expression {}

  record Filter(Expression target, String name, Arguments arguments) implements Expression {}

  record Test(Expression target, String name, Arguments arguments) implements Expression {}

  record Not(Expression operand) implements Expression {}

  record Sign(boolean negative, Expression operand) implements Expression {}

  record And(Expression left, Expression right) implements Expression {}

  record Or(Expression left, Expression right) implements Expression {}

  record Arithmetic(String operator, Expression left, Expression right) implements Expression {}

  record Concatenation(List<Expression> parts) implements Expression {}

  /** A chain, as {@code a < b < c}: as many operators as there are further operands. */
  record Comparison(Expression first, List<String> operators, List<Expression> others)
      implements Expression {}

  record Choice(Expression test, Expression then, Optional<Expression> otherwise)
      implements Expression {}

  /**
   * The arguments of a call, as the template writes them.
   *
   * @param rest more values by place, behind a star
   * @param namedRest more values by name, behind two stars
   */
  record Arguments(
      List<Expression> positional,
      Map<String, Expression> named,
      Optional<Expression> rest,
      Optional<Expression> namedRest) {
    static final Arguments NONE =
        new Arguments(List.of(), Map.of(), Optional.empty(), Optional.empty());
  }
}
