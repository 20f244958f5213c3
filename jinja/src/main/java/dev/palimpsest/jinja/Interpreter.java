package dev.palimpsest.jinja;

import dev.palimpsest.jinja.Values.Callable;
import dev.palimpsest.jinja.Values.Members;
import dev.palimpsest.jinja.Values.Namespace;
import dev.palimpsest.jinja.Values.Tuple;
import dev.palimpsest.jinja.Values.Undefined;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Runs a template once. Scopes are Jinja's: each turn of a loop and each macro has its own, and
 * nothing set in it is seen outside; {@code if} has none.
 */
final class Interpreter {
  private static final int MOST_STEPS = 5_000_000;
  private static final int MOST_CALLS = 100;
  private static final int LONGEST_RANGE = 100_000;

  private final int longest;
  private StringBuilder out = new StringBuilder();
  private Scope scope;
  private int line = 1;
  private int steps;
  private int calls;

  /**
   * A run with these variables.
   *
   * @param longest most characters of the text
   */
  Interpreter(Map<String, Object> variables, int longest) {
    this.longest = longest;
    Map<String, Object> globals = new HashMap<>();
    globals.put("range", (Callable) Interpreter::range);
    globals.put("dict", (Callable) Values::dict);
    globals.put("namespace", (Callable) Interpreter::namespace);
    globals.put("joiner", (Callable) Interpreter::joiner);
    globals.put("cycler", (Callable) Interpreter::cycler);
    globals.put("raise_exception", (Callable) Interpreter::refuse);
    globals.put("strftime_now", (Callable) Interpreter::now);
    scope = new Scope(new Scope(Optional.empty(), globals), variables);
  }

  private record Scope(Optional<Scope> outer, Map<String, Object> values) {
    Scope(Scope outer, Map<String, Object> values) {
      this(Optional.of(outer), new HashMap<>(values));
    }

    Object get(String name) {
      for (Optional<Scope> each = Optional.of(this); each.isPresent(); each = each.get().outer) {
        Object value = each.get().values.get(name);
        if (value != null) {
          return value;
        }
      }
      return new Undefined(name);
    }
  }

  /** How a list of statements ended. */
  private enum End {
    NORMAL,
    BREAK,
    CONTINUE
  }

  /** The text of the whole template. */
  String text(List<Statement> template) {
    run(template);
    return out.toString();
  }

  /** The line that is run. */
  int line() {
    return line;
  }

  private End run(List<Statement> statements) {
    for (Statement statement : statements) {
      step();
      End end = run(statement);
      if (end != End.NORMAL) {
        return end;
      }
    }
    return End.NORMAL;
  }

  private End run(Statement statement) {
    switch (statement) {
      case Statement.Text(String text) -> write(text);
      case Statement.Print(Expression value, int at) -> {
        line = at;
        write(Values.text(value(value)));
      }
      case Statement.If choice -> {
        line = choice.line();
        return run(Values.isTrue(value(choice.test())) ? choice.then() : choice.otherwise());
      }
      case Statement.For loop -> {
        line = loop.line();
        new Loop(loop, value(loop.items()), scope, 1).run();
      }
      case Statement.Assign(Statement.Target target, Expression value, int at) -> {
        line = at;
        assign(target, value(value));
      }
      case Statement.AssignText(var target, var filters, var body, int at) -> {
        line = at;
        assign(target, filtered(captured(body, new Scope(scope, Map.of())), filters));
      }
      case Statement.Filtered(var filters, var body, int at) -> {
        line = at;
        write(Values.text(filtered(captured(body, new Scope(scope, Map.of())), filters)));
      }
      case Statement.With(var values, var body, int at) -> {
        line = at;
        Map<String, Object> inner = new HashMap<>();
        values.forEach((name, value) -> inner.put(name, value(value)));
        return within(new Scope(scope, inner), body);
      }
      case Statement.Group(List<Statement> body) -> {
        return within(new Scope(scope, Map.of()), body);
      }
      case Statement.Macro macro -> scope.values().put(macro.name(), new Macro(macro, scope));
      case Statement.CallBlock(Expression call, Statement.Macro caller, int at) -> {
        line = at;
        Expression.Call target = (Expression.Call) call;
        Map<String, Object> named = new LinkedHashMap<>(named(target.arguments()));
        named.put("caller", new Macro(caller, scope));
        Object callee = value(target.target());
        write(Values.text(call(callee, positional(target.arguments()), named)));
      }
      case Statement.Break _ -> {
        return End.BREAK;
      }
      case Statement.Continue _ -> {
        return End.CONTINUE;
      }
    }
    return End.NORMAL;
  }

  private void step() {
    steps++;
    if (steps > MOST_STEPS) {
      throw new JinjaException("it takes more than " + MOST_STEPS + " steps");
    }
  }

  private void write(String text) {
    if (out.length() + text.length() > longest) {
      throw new JinjaException("its text is over the limit of " + longest + " characters");
    }
    out.append(text);
  }

  private void assign(Statement.Target target, Object value) {
    switch (target) {
      case Statement.Target.Variable(String name) -> scope.values().put(name, value);
      case Statement.Target.Member(String name, String attribute) -> {
        if (!(scope.get(name) instanceof Namespace namespace)) {
          throw new JinjaException(
              "\"%s\" is no namespace, so \"%s\" of it cannot be set".formatted(name, attribute));
        }
        namespace.attributes().put(attribute, value);
      }
      case Statement.Target.Several(List<Statement.Target> targets) -> {
        List<Object> items = Values.items(value);
        if (items.size() != targets.size()) {
          throw new JinjaException(
              "%d values cannot be assigned to %d names".formatted(items.size(), targets.size()));
        }
        for (int index = 0; index < items.size(); index++) {
          assign(targets.get(index), items.get(index));
        }
      }
    }
  }

  /** A loop while it runs: what its body knows as {@code loop}. */
  private final class Loop implements Members, Callable {
    private final Statement.For loop;
    private final Scope outer;
    private final int depth;
    private final List<Object> items = new ArrayList<>();
    private Optional<List<Object>> last = Optional.empty();
    private int index;

    Loop(Statement.For loop, Object value, Scope outer, int depth) {
      this.loop = loop;
      this.outer = outer;
      this.depth = depth;
      for (Object item : Values.items(value)) {
        if (loop.filter().isPresent()) {
          scope = new Scope(outer, Map.of());
          assign(loop.target(), item);
          if (!Values.isTrue(value(loop.filter().get()))) {
            continue;
          }
        }
        items.add(item);
      }
      scope = outer;
    }

    void run() {
      boolean whole = false;
      while (index < items.size()) {
        step();
        scope = new Scope(outer, Map.of("loop", this));
        assign(loop.target(), items.get(index));
        End end = Interpreter.this.run(loop.body());
        whole |= end == End.NORMAL;
        if (end == End.BREAK) {
          break;
        }
        index++;
      }
      scope = outer;
      // Jinja runs it, too, where every turn was left by "continue" or "break".
      if (!whole) {
        End _ = within(new Scope(outer, Map.of()), loop.otherwise());
      }
    }

    @Override
    public Object call(List<Object> positional, Map<String, Object> named) {
      if (!loop.recursive()) {
        throw new JinjaException("the loop is not recursive, so it cannot be called");
      }
      Object inner = BoundArguments.bind("loop", "iterable", positional, named).get("iterable");
      return nested(() -> captured(() -> new Loop(loop, inner, outer, depth + 1).run(), scope));
    }

    @Override
    public Optional<Object> member(String name) {
      long size = items.size();
      return switch (name) {
        case "index" -> Optional.of(index + 1L);
        case "index0" -> Optional.of((long) index);
        case "revindex" -> Optional.of(size - index);
        case "revindex0" -> Optional.of(size - index - 1);
        case "first" -> Optional.of(index == 0);
        case "last" -> Optional.of(index == size - 1);
        case "length" -> Optional.of(size);
        case "depth" -> Optional.of((long) depth);
        case "depth0" -> Optional.of(depth - 1L);
        case "previtem" -> index > 0 ? Optional.of(items.get(index - 1)) : Optional.empty();
        case "nextitem" -> index < size - 1 ? Optional.of(items.get(index + 1)) : Optional.empty();
        case "cycle" -> Optional.of((Callable) (given, _) -> cycle(given));
        case "changed" -> Optional.of((Callable) (given, _) -> changed(given));
        default -> Optional.empty();
      };
    }

    private Object cycle(List<Object> given) {
      if (given.isEmpty()) {
        throw new JinjaException("\"cycle\" needs values");
      }
      return given.get(index % given.size());
    }

    private boolean changed(List<Object> given) {
      boolean same = last.filter(each -> Values.equal(each, given)).isPresent();
      last = Optional.of(given);
      return !same;
    }

    @Override
    public String toString() {
      return "<LoopContext " + (index + 1) + "/" + items.size() + ">";
    }
  }

  /** Runs statements in a scope of their own. */
  private End within(Scope inner, List<Statement> body) {
    Scope outer = scope;
    scope = inner;
    End end = run(body);
    scope = outer;
    return end;
  }

  /** The text that statements write, in a scope of their own. */
  private String captured(List<Statement> body, Scope inner) {
    return captured(() -> run(body), inner);
  }

  private String captured(Runnable body, Scope inner) {
    StringBuilder outerText = out;
    Scope outer = scope;
    out = new StringBuilder();
    scope = inner;
    body.run();
    String text = out.toString();
    out = outerText;
    scope = outer;
    return text;
  }

  private String nested(Supplier<String> call) {
    calls++;
    if (calls > MOST_CALLS) {
      throw new JinjaException("macros call each other more than " + MOST_CALLS + " deep");
    }
    String text = call.get();
    calls--;
    return text;
  }

  private Object filtered(Object value, List<Statement.FilterCall> filters) {
    Object filtered = value;
    for (Statement.FilterCall filter : filters) {
      filtered =
          Filters.apply(
              filter.name(), filtered, positional(filter.arguments()), named(filter.arguments()));
    }
    return filtered;
  }

  /** A macro, with the scope that it was written in. */
  private final class Macro implements Members, Callable {
    private final Statement.Macro macro;
    private final Scope home;

    Macro(Statement.Macro macro, Scope home) {
      this.macro = macro;
      this.home = home;
    }

    @Override
    public Object call(List<Object> positional, Map<String, Object> named) {
      List<String> parameters = macro.parameters();
      Map<String, Object> rest = new LinkedHashMap<>(named);
      Scope inner = new Scope(home, Map.of());
      Scope caller = scope;
      scope = inner;
      for (int index = 0; index < parameters.size(); index++) {
        String parameter = parameters.get(index);
        Object value;
        if (index < positional.size()) {
          value = positional.get(index);
        } else if (rest.containsKey(parameter)) {
          value = rest.remove(parameter);
        } else {
          Expression otherwise = macro.defaults().get(parameter);
          value = otherwise == null ? new Undefined(parameter) : value(otherwise);
        }
        inner.values().put(parameter, value);
      }
      scope = caller;
      if (uses("caller") && !parameters.contains("caller")) {
        Object block = rest.remove("caller");
        inner.values().put("caller", block == null ? new Undefined("caller") : block);
      }
      if (uses("kwargs")) {
        inner.values().put("kwargs", new LinkedHashMap<Object, Object>(rest));
      } else if (!rest.isEmpty()) {
        throw new JinjaException(
            "the macro \"%s\" has no argument %s"
                .formatted(macro.name(), rest.keySet().iterator().next()));
      }
      List<Object> more =
          positional.subList(Math.min(parameters.size(), positional.size()), positional.size());
      if (uses("varargs")) {
        inner.values().put("varargs", new Tuple(more));
      } else if (!more.isEmpty()) {
        throw new JinjaException(
            "the macro \"%s\" takes %d values, not %d"
                .formatted(macro.name(), parameters.size(), positional.size()));
      }
      return nested(() -> captured(macro.body(), inner));
    }

    private boolean uses(String extra) {
      return macro.extras().contains(extra);
    }

    @Override
    public Optional<Object> member(String name) {
      return switch (name) {
        case "name" -> Optional.of(macro.name());
        case "arguments" -> Optional.of(new Tuple(List.copyOf(macro.parameters())));
        case "catch_kwargs" -> Optional.of(uses("kwargs"));
        case "catch_varargs" -> Optional.of(uses("varargs"));
        case "caller" -> Optional.of(uses("caller"));
        default -> Optional.empty();
      };
    }

    @Override
    public String toString() {
      // What stands in a call block has no name.
      return macro.name().equals("caller")
          ? "<Macro anonymous>"
          : "<Macro " + Values.repr(macro.name()) + ">";
    }
  }

  private Object value(Expression expression) {
    step();
    return switch (expression) {
      case Expression.Literal(Object value) -> value;
      case Expression.Name(String name) -> scope.get(name);
      case Expression.ListOf(List<Expression> items) -> values(items);
      case Expression.TupleOf(List<Expression> items) -> new Tuple(values(items));
      case Expression.DictOf(var keys, var values) -> {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int index = 0; index < keys.size(); index++) {
          Values.put(map, value(keys.get(index)), value(values.get(index)));
        }
        yield map;
      }
      case Expression.Attribute(Expression target, String name) ->
          Attributes.attribute(value(target), name);
      case Expression.Item(Expression target, Expression key) ->
          Attributes.item(value(target), value(key));
      case Expression.Slice(var target, var start, var stop, var step) ->
          Values.slice(value(target), bound(start), bound(stop), bound(step));
      case Expression.Call(Expression target, Expression.Arguments arguments) ->
          call(value(target), positional(arguments), named(arguments));
      case Expression.Filter(var target, String name, var arguments) ->
          Filters.apply(name, value(target), positional(arguments), named(arguments));
      case Expression.Test(var target, String name, var arguments) ->
          Tests.holds(name, value(target), positional(arguments), named(arguments));
      case Expression.Not(Expression operand) -> !Values.isTrue(value(operand));
      case Expression.Sign(boolean negative, Expression operand) ->
          signed(negative, value(operand));
      case Expression.And(Expression left, Expression right) -> {
        Object first = value(left);
        yield Values.isTrue(first) ? value(right) : first;
      }
      case Expression.Or(Expression left, Expression right) -> {
        Object first = value(left);
        yield Values.isTrue(first) ? first : value(right);
      }
      case Expression.Arithmetic(String operator, Expression left, Expression right) ->
          Values.arithmetic(operator, value(left), value(right));
      case Expression.Concatenation(List<Expression> parts) -> {
        StringBuilder text = new StringBuilder();
        parts.forEach(part -> text.append(Values.text(value(part))));
        yield text.toString();
      }
      case Expression.Comparison comparison -> compare(comparison);
      case Expression.Choice(Expression test, Expression then, Optional<Expression> otherwise) -> {
        if (Values.isTrue(value(test))) {
          yield value(then);
        }
        yield otherwise.isPresent() ? value(otherwise.get()) : new Undefined("else");
      }
    };
  }

  private static Object signed(boolean negative, Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.used();
    }
    Object number =
        Numbers.number(value)
            .orElseThrow(
                () -> new JinjaException("a value of type " + Values.type(value) + " has no sign"));
    if (!negative) {
      return number;
    }
    return number instanceof Double decimal
        ? (Object) (-decimal)
        : Numbers.whole(Numbers.big(number).negate());
  }

  private List<Object> values(List<Expression> expressions) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression each : expressions) {
      values.add(value(each));
    }
    return values;
  }

  private List<Object> positional(Expression.Arguments arguments) {
    List<Object> values = values(arguments.positional());
    arguments.rest().ifPresent(rest -> values.addAll(Values.items(value(rest))));
    return values;
  }

  private Map<String, Object> named(Expression.Arguments arguments) {
    Map<String, Object> values = new LinkedHashMap<>();
    arguments.named().forEach((name, each) -> values.put(name, value(each)));
    arguments
        .namedRest()
        .ifPresent(
            rest ->
                Values.entries(Filters.map("**", value(rest)))
                    .forEach(
                        each -> {
                          String name = Values.text(Values.item(each, 0L));
                          if (values.put(name, Values.item(each, 1L)) != null) {
                            throw new JinjaException("the argument " + name + " is given twice");
                          }
                        }));
    return values;
  }

  private Object bound(Optional<Expression> expression) {
    return expression.isEmpty() ? Values.NONE : value(expression.get());
  }

  private boolean compare(Expression.Comparison comparison) {
    Object left = value(comparison.first());
    for (int index = 0; index < comparison.operators().size(); index++) {
      Object right = value(comparison.others().get(index));
      String operator = comparison.operators().get(index);
      boolean holds =
          switch (operator) {
            case "==" -> Values.equal(left, right);
            case "!=" -> !Values.equal(left, right);
            case "in" -> Values.contains(right, left);
            case "not in" -> !Values.contains(right, left);
            default -> Values.ordered(operator, left, right);
          };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private static Object call(Object target, List<Object> positional, Map<String, Object> named) {
    return switch (target) {
      case Callable callable -> callable.call(positional, named);
      case Undefined undefined -> throw undefined.used();
      default ->
          throw new JinjaException("a value of type " + Values.type(target) + " cannot be called");
    };
  }

  private static Object range(List<Object> given, Map<String, Object> named) {
    List<Long> bounds = new ArrayList<>();
    for (Object each : given) {
      if (!(Numbers.number(each).orElse(each) instanceof Long bound)) {
        throw new JinjaException("\"range\" takes ints");
      }
      bounds.add(bound);
    }
    if (bounds.isEmpty()
        || bounds.size() > 3
        || (bounds.size() == 3 && bounds.get(2) == 0)
        || !named.isEmpty()) {
      throw new JinjaException("\"range\" takes an end, or start, end and a step that is not 0");
    }
    long start = bounds.size() == 1 ? 0 : bounds.get(0);
    long end = bounds.size() == 1 ? bounds.get(0) : bounds.get(1);
    long step = bounds.size() == 3 ? bounds.get(2) : 1;
    if ((step > 0 ? (double) end - start : (double) start - end) / Math.abs((double) step)
        > LONGEST_RANGE) {
      throw new JinjaException("\"range\" is longer than " + LONGEST_RANGE);
    }
    return new Values.Range(start, end, step);
  }

  private static Object namespace(List<Object> given, Map<String, Object> named) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    Values.dict(given, named).forEach((name, value) -> attributes.put(Values.text(name), value));
    return new Namespace(attributes);
  }

  private static Object joiner(List<Object> given, Map<String, Object> named) {
    Object separator = BoundArguments.bind("joiner", "sep?", given, named).find("sep").orElse(", ");
    boolean[] used = new boolean[1];
    return (Callable)
        (_, _) -> {
          Object joined = used[0] ? separator : "";
          used[0] = true;
          return joined;
        };
  }

  private static Object cycler(List<Object> given, Map<String, Object> named) {
    if (given.isEmpty() || !named.isEmpty()) {
      throw new JinjaException("\"cycler\" needs values");
    }
    return new Cycler(given);
  }

  /** Jinja's {@code cycler}, which gives its values in turn. */
  private static final class Cycler implements Members {
    private final List<Object> values;
    private int at;

    Cycler(List<Object> values) {
      this.values = values;
    }

    @Override
    public Optional<Object> member(String name) {
      return switch (name) {
        case "current" -> Optional.of(values.get(at));
        case "next" ->
            Optional.of(
                (Callable)
                    (_, _) -> {
                      Object current = values.get(at);
                      at = (at + 1) % values.size();
                      return current;
                    });
        case "reset" ->
            Optional.of(
                (Callable)
                    (_, _) -> {
                      at = 0;
                      return Values.NONE;
                    });
        default -> Optional.empty();
      };
    }
  }

  private static Object refuse(List<Object> given, Map<String, Object> named) {
    throw new Refusal(
        Values.text(
            BoundArguments.bind("raise_exception", "message", given, named).get("message")));
  }

  /** A template's own words where it refuses a conversation. */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
      super(message);
    }
  }

  /** Transformers' {@code strftime_now}. */
  private static Object now(List<Object> given, Map<String, Object> named) {
    return Strftime.format(
        BoundArguments.bind("strftime_now", "format", given, named).string("format"),
        LocalDateTime.now(ZoneId.systemDefault()));
  }
}
