package dev.palimpsest.engine.text.jinja;

import dev.palimpsest.engine.text.jinja.Values.Callable;
import dev.palimpsest.engine.text.jinja.Values.Namespace;
import dev.palimpsest.engine.text.jinja.Values.Tuple;
import dev.palimpsest.engine.text.jinja.Values.Undefined;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

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
    globals.put("range", (Callable) (given, _) -> range(given));
    globals.put("dict", (Callable) (given, named) -> dict(given, named));
    globals.put(
        "namespace",
        (Callable) (given, named) -> new Namespace(new HashMap<>(attributes(given, named))));
    globals.put("raise_exception", (Callable) (given, _) -> refuse(given));
    globals.put("strftime_now", (Callable) (given, _) -> now(given));
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
      case Statement.For loop -> loop(loop);
      case Statement.Assign(List<String> targets, Expression value, int at) -> {
        line = at;
        assign(targets, value(value));
      }
      case Statement.AssignAttribute assignment -> {
        line = assignment.line();
        if (!(scope.get(assignment.namespace()) instanceof Namespace namespace)) {
          throw new JinjaException(
              "\"%s\" is no namespace, so \"%s\" of it cannot be set"
                  .formatted(assignment.namespace(), assignment.attribute()));
        }
        namespace.attributes().put(assignment.attribute(), value(assignment.value()));
      }
      case Statement.AssignText(var target, var filters, var body, int at) -> {
        line = at;
        Object text = filtered(captured(body, Map.of()), filters);
        scope.values().put(target, text);
      }
      case Statement.Filtered(var filters, var body, int at) -> {
        line = at;
        write(Values.text(filtered(captured(body, Map.of()), filters)));
      }
      case Statement.With(var values, var body, int at) -> {
        line = at;
        Map<String, Object> inner = new HashMap<>();
        values.forEach((name, value) -> inner.put(name, value(value)));
        write(captured(body, inner));
      }
      case Statement.Group(List<Statement> body) -> {
        return run(body);
      }
      case Statement.Macro macro -> scope.values().put(macro.name(), macro(macro, scope));
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

  private void assign(List<String> targets, Object value) {
    if (targets.size() == 1) {
      scope.values().put(targets.getFirst(), value);
      return;
    }
    List<Object> items = Values.items(value);
    if (items.size() != targets.size()) {
      throw new JinjaException(
          "%d values cannot be assigned to %d names".formatted(items.size(), targets.size()));
    }
    for (int index = 0; index < items.size(); index++) {
      scope.values().put(targets.get(index), items.get(index));
    }
  }

  private void loop(Statement.For loop) {
    line = loop.line();
    Scope outer = scope;
    List<Object> items = new ArrayList<>();
    for (Object item : Values.items(value(loop.items()))) {
      scope = new Scope(outer, Map.of());
      assign(loop.targets(), item);
      if (loop.filter().isEmpty() || Values.isTrue(value(loop.filter().get()))) {
        items.add(item);
      }
    }
    for (int index = 0; index < items.size(); index++) {
      step();
      scope = new Scope(outer, Map.of("loop", loopVariable(items, index)));
      assign(loop.targets(), items.get(index));
      if (run(loop.body()) == End.BREAK) {
        break;
      }
    }
    scope = outer;
    if (items.isEmpty()) {
      run(loop.otherwise());
    }
  }

  private static Namespace loopVariable(List<Object> items, int index) {
    long size = items.size();
    Map<String, Object> loop = new HashMap<>();
    loop.put("index", index + 1L);
    loop.put("index0", (long) index);
    loop.put("revindex", size - index);
    loop.put("revindex0", size - index - 1);
    loop.put("first", index == 0);
    loop.put("last", index == size - 1);
    loop.put("length", size);
    if (index > 0) {
      loop.put("previtem", items.get(index - 1));
    }
    if (index < size - 1) {
      loop.put("nextitem", items.get(index + 1));
    }
    loop.put(
        "cycle",
        (Callable)
            (given, _) ->
                given.isEmpty() ? new Undefined("cycle") : given.get(index % given.size()));
    return new Namespace(loop);
  }

  /** What statements write, in a scope of their own. */
  private String captured(List<Statement> body, Map<String, Object> values) {
    return captured(body, new Scope(scope, values));
  }

  private String captured(List<Statement> body, Scope inner) {
    StringBuilder outerText = out;
    Scope outer = scope;
    out = new StringBuilder();
    scope = inner;
    run(body);
    String text = out.toString();
    out = outerText;
    scope = outer;
    return text;
  }

  private Object filtered(Object value, List<Statement.FilterCall> filters) {
    Object filtered = value;
    for (Statement.FilterCall filter : filters) {
      filtered =
          Filters.apply(
              filter.name(),
              filtered,
              values(filter.arguments().positional()),
              values(filter.arguments().named()));
    }
    return filtered;
  }

  private Callable macro(Statement.Macro macro, Scope home) {
    return (given, named) -> {
      if (given.size() > macro.parameters().size()) {
        throw new JinjaException(
            "the macro \"%s\" takes %d values, not %d"
                .formatted(macro.name(), macro.parameters().size(), given.size()));
      }
      Map<String, Object> values = new HashMap<>();
      for (int index = 0; index < macro.parameters().size(); index++) {
        String parameter = macro.parameters().get(index);
        Object value = named.get(parameter);
        if (index < given.size()) {
          value = given.get(index);
        } else if (value == null) {
          Expression otherwise = macro.defaults().get(parameter);
          value = otherwise == null ? new Undefined(parameter) : value(otherwise);
        }
        values.put(parameter, value);
      }
      calls++;
      if (calls > MOST_CALLS) {
        throw new JinjaException("macros call each other more than " + MOST_CALLS + " deep");
      }
      String text = captured(macro.body(), new Scope(home, values));
      calls--;
      return text;
    };
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
          map.put(value(keys.get(index)), value(values.get(index)));
        }
        yield map;
      }
      case Expression.Attribute(Expression target, String name) -> attribute(value(target), name);
      case Expression.Item(Expression target, Expression key) -> item(value(target), value(key));
      case Expression.Slice(var target, var start, var stop, var step) ->
          Values.slice(value(target), bound(start), bound(stop), bound(step));
      case Expression.Call(Expression target, Expression.Arguments arguments) ->
          call(value(target), arguments);
      case Expression.Filter(var target, String name, var arguments) ->
          Filters.apply(
              name, value(target), values(arguments.positional()), values(arguments.named()));
      case Expression.Test(var target, String name, var arguments) ->
          Tests.holds(name, value(target), values(arguments));
      case Expression.Not(Expression operand) -> !Values.isTrue(value(operand));
      case Expression.Sign(boolean negative, Expression operand) ->
          negative ? Values.arithmetic("*", -1L, numeric(value(operand))) : numeric(value(operand));
      case Expression.And(Expression left, Expression right) -> {
        Object first = value(left);
        yield Values.isTrue(first) ? value(right) : first;
      }
      case Expression.Or(Expression left, Expression right) -> {
        Object first = value(left);
        yield Values.isTrue(first) ? first : value(right);
      }
      case Expression.Arithmetic(String operator, Expression left, Expression right) ->
          Values.arithmetic(operator, defined(value(left)), defined(value(right)));
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

  private static Object defined(Object value) {
    if (value instanceof Undefined(String name)) {
      throw new JinjaException("\"" + name + "\" is undefined");
    }
    return value;
  }

  private static Object numeric(Object value) {
    if (value instanceof Number) {
      return value;
    }
    throw new JinjaException("a value of type " + Values.type(value) + " has no sign");
  }

  private List<Object> values(List<Expression> expressions) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression each : expressions) {
      values.add(value(each));
    }
    return values;
  }

  private Map<String, Object> values(Map<String, Expression> expressions) {
    Map<String, Object> values = new LinkedHashMap<>();
    expressions.forEach((name, each) -> values.put(name, value(each)));
    return values;
  }

  private Optional<Long> bound(Optional<Expression> expression) {
    if (expression.isEmpty()) {
      return Optional.empty();
    }
    Object value = value(expression.get());
    if (Values.isNone(value)) {
      return Optional.empty();
    }
    if (value instanceof Long bound) {
      return Optional.of(bound);
    }
    throw new JinjaException("a slice is bounded by a value of type " + Values.type(value));
  }

  private boolean compare(Expression.Comparison comparison) {
    Object left = value(comparison.first());
    for (int index = 0; index < comparison.operators().size(); index++) {
      Object right = value(comparison.others().get(index));
      boolean holds =
          switch (comparison.operators().get(index)) {
            case "==" -> Values.equal(left, right);
            case "!=" -> !Values.equal(left, right);
            case "<" -> Values.order(left, right) < 0;
            case "<=" -> Values.order(left, right) <= 0;
            case ">" -> Values.order(left, right) > 0;
            case ">=" -> Values.order(left, right) >= 0;
            case "in" -> Values.contains(right, left);
            default -> !Values.contains(right, left);
          };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }

  /** Jinja's {@code target.name}: a method first, then an item of that name. */
  private static Object attribute(Object target, String name) {
    if (target instanceof Namespace namespace) {
      Object value = namespace.attributes().get(name);
      return value == null ? new Undefined(name) : value;
    }
    Optional<Callable> method = method(target, name);
    return method.isPresent() ? method.get() : Values.item(target, name);
  }

  /** Jinja's {@code target[key]}: an item first, then an attribute of that name. */
  private static Object item(Object target, Object key) {
    if (key instanceof String name && !(target instanceof Map<?, ?> map && map.containsKey(name))) {
      return attribute(target, name);
    }
    return Values.item(target, key);
  }

  private static Optional<Callable> method(Object target, String name) {
    return switch (target) {
      case String text -> Strings.method(text, name);
      case Map<?, ?> map ->
          switch (name) {
            case "items" -> Optional.of((_, _) -> Filters.entries(map));
            case "keys" -> Optional.of((_, _) -> Values.items(map));
            case "values" -> Optional.of((_, _) -> new ArrayList<Object>(map.values()));
            case "get" -> Optional.of((given, _) -> get(map, given));
            default -> Optional.empty();
          };
      case List<?> list ->
          switch (name) {
            case "index" ->
                Optional.of((given, _) -> (long) list.indexOf(given.isEmpty() ? "" : given.get(0)));
            case "count" ->
                Optional.of(
                    (given, _) ->
                        list.stream()
                            .filter(each -> !given.isEmpty() && Values.equal(each, given.get(0)))
                            .count());
            default -> Optional.empty();
          };
      default -> Optional.empty();
    };
  }

  private static Object get(Map<?, ?> map, List<Object> given) {
    if (given.isEmpty()) {
      throw new JinjaException("\"get\" needs a key");
    }
    Object value = map.get(given.get(0));
    return value != null ? value : given.size() > 1 ? given.get(1) : Values.NONE;
  }

  private Object call(Object target, Expression.Arguments arguments) {
    return switch (target) {
      case Callable callable ->
          callable.call(values(arguments.positional()), values(arguments.named()));
      case Undefined(String name) -> throw new JinjaException("\"" + name + "\" is undefined");
      default ->
          throw new JinjaException("a value of type " + Values.type(target) + " cannot be called");
    };
  }

  private static Object range(List<Object> given) {
    List<Long> bounds = new ArrayList<>();
    for (Object each : given) {
      if (!(each instanceof Long bound)) {
        throw new JinjaException("\"range\" takes ints");
      }
      bounds.add(bound);
    }
    if (bounds.isEmpty() || bounds.size() > 3 || (bounds.size() == 3 && bounds.get(2) == 0)) {
      throw new JinjaException("\"range\" takes an end, or start, end and a step that is not 0");
    }
    long start = bounds.size() == 1 ? 0 : bounds.get(0);
    long end = bounds.size() == 1 ? bounds.get(0) : bounds.get(1);
    long step = bounds.size() == 3 ? bounds.get(2) : 1;
    List<Object> range = new ArrayList<>();
    for (long each = start; step > 0 ? each < end : each > end; each += step) {
      range.add(each);
      if (range.size() > LONGEST_RANGE) {
        throw new JinjaException("\"range\" is longer than " + LONGEST_RANGE);
      }
    }
    return range;
  }

  private static Object dict(List<Object> given, Map<String, Object> named) {
    return new LinkedHashMap<Object, Object>(attributes(given, named));
  }

  private static Map<String, Object> attributes(List<Object> given, Map<String, Object> named) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    for (Object each : given) {
      if (each instanceof Map<?, ?> map) {
        map.forEach((key, value) -> attributes.put(Values.text(key), value));
      }
    }
    attributes.putAll(named);
    return attributes;
  }

  private static Object refuse(List<Object> given) {
    throw new Refusal(given.isEmpty() ? "" : Values.text(given.get(0)));
  }

  /** A template's own words where it refuses a conversation. */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refusal(String message) {
      super(message);
    }
  }

  /** Transformers' {@code strftime_now}. */
  private static Object now(List<Object> given) {
    String pattern = given.isEmpty() ? "" : Values.text(given.get(0));
    StringBuilder text = new StringBuilder();
    LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());
    int at = 0;
    while (at < pattern.length()) {
      char c = pattern.charAt(at);
      at++;
      if (c != '%' || at == pattern.length()) {
        text.append(c);
        continue;
      }
      char field = pattern.charAt(at);
      at++;
      String java =
          switch (field) {
            case 'd' -> "dd";
            case 'm' -> "MM";
            case 'y' -> "yy";
            case 'Y' -> "yyyy";
            case 'b' -> "MMM";
            case 'B' -> "MMMM";
            case 'a' -> "EEE";
            case 'A' -> "EEEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'j' -> "DDD";
            case '%' -> "'%'";
            default -> throw new JinjaException("\"strftime_now\" does not know %" + field);
          };
      text.append(DateTimeFormatter.ofPattern(java, Locale.ENGLISH).format(now));
    }
    return text.toString();
  }
}
