package dev.palimpsest.jinja;

import dev.palimpsest.jinja.Expression.Arguments;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Jinja2's grammar, as far as chat templates go; what it lacks, it refuses by name. */
final class Parser {
  private static final int MOST_NESTED = 200;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> EXTRAS = Set.of("varargs", "kwargs", "caller");
  private static final Set<String> NO_TEST_ARGUMENT = Set.of("else", "or", "and", "is", "if", "in");

  private final List<Token> tokens;
  private int at;
  private int nested;
  private int loops;

  private Parser(List<Token> tokens) {
    this.tokens = tokens;
  }

  /**
   * The statements of a template.
   *
   * @throws JinjaException if it is none
   */
  static List<Statement> parse(String template) {
    Parser parser = new Parser(Lexer.tokens(template));
    List<Statement> statements = parser.body();
    if (parser.here().kind() != Token.Kind.END) {
      throw parser.failure("the block \"%s\" was not begun".formatted(parser.peek(1).text()));
    }
    return statements;
  }

  /** Up to the end, or to a block that ends or divides another; that block is left to take. */
  private List<Statement> body() {
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = here();
      switch (token.kind()) {
        case TEXT -> {
          at++;
          statements.add(new Statement.Text(token.text()));
        }
        case PRINT_BEGIN -> {
          at++;
          statements.add(new Statement.Print(tuple(), token.line()));
          expect(Token.Kind.PRINT_END);
        }
        case BLOCK_BEGIN -> {
          String name = peek(1).text();
          if (name.startsWith("end") || name.equals("else") || name.equals("elif")) {
            return statements;
          }
          at++;
          statements.add(block());
        }
        default -> {
          return statements;
        }
      }
    }
  }

  /** A body, and the block that ends it. */
  private List<Statement> bodyUntil(String end) {
    List<Statement> body = body();
    end(end);
    return body;
  }

  private void end(String name) {
    if (here().kind() != Token.Kind.BLOCK_BEGIN || !peek(1).isName(name)) {
      throw failure("\"{%% %s %%}\" is missing".formatted(name));
    }
    at += 2;
    if (here().kind() == Token.Kind.NAME) {
      at++;
    }
    expect(Token.Kind.BLOCK_END);
  }

  private Statement block() {
    int line = here().line();
    String name = name();
    nest();
    Statement statement =
        switch (name) {
          case "if" -> condition(line);
          case "for" -> loop(line);
          case "set" -> assignment(line);
          case "macro" -> macro(line);
          case "filter" -> {
            List<Statement.FilterCall> filters = new ArrayList<>(List.of(filterCall()));
            filters.addAll(filters());
            expect(Token.Kind.BLOCK_END);
            yield new Statement.Filtered(filters, bodyUntil("endfilter"), line);
          }
          case "with" -> with(line);
          case "call" -> callBlock(line);
          case "generation" -> {
            expect(Token.Kind.BLOCK_END);
            yield new Statement.Group(bodyUntil("endgeneration"));
          }
          case "break", "continue" -> {
            if (loops == 0) {
              throw failure("\"" + name + "\" stands outside of a loop");
            }
            expect(Token.Kind.BLOCK_END);
            yield name.equals("break") ? new Statement.Break() : new Statement.Continue();
          }
          default -> throw failure("the block \"%s\" is not known".formatted(name));
        };
    nested--;
    return statement;
  }

  private Statement condition(int line) {
    Expression test = tupleOf(this::or);
    expect(Token.Kind.BLOCK_END);
    List<Statement> then = body();
    List<Statement> otherwise = List.of();
    if (here().kind() == Token.Kind.BLOCK_BEGIN && peek(1).isName("elif")) {
      int next = peek(1).line();
      at += 2;
      return new Statement.If(test, then, List.of(condition(next)), line);
    }
    if (here().kind() == Token.Kind.BLOCK_BEGIN && peek(1).isName("else")) {
      end("else");
      otherwise = body();
    }
    end("endif");
    return new Statement.If(test, then, otherwise, line);
  }

  private Statement loop(int line) {
    Statement.Target target = target(false);
    keyword("in");
    // Without a condition of its own: "if" begins the loop's.
    Expression items = tupleOf(this::or);
    Optional<Expression> filter = Optional.empty();
    if (here().isName("if")) {
      at++;
      filter = Optional.of(expression());
    }
    boolean recursive = here().isName("recursive");
    at += recursive ? 1 : 0;
    expect(Token.Kind.BLOCK_END);
    loops++;
    List<Statement> body = body();
    loops--;
    List<Statement> otherwise = List.of();
    if (here().kind() == Token.Kind.BLOCK_BEGIN && peek(1).isName("else")) {
      end("else");
      otherwise = body();
    }
    end("endfor");
    return new Statement.For(target, items, filter, body, otherwise, recursive, line);
  }

  /** One target, or several with commas between them. */
  private Statement.Target target(boolean members) {
    Statement.Target first = oneTarget(members);
    if (!here().isOperator(",")) {
      return first;
    }
    List<Statement.Target> targets = new ArrayList<>(List.of(first));
    while (here().isOperator(",")) {
      at++;
      if (here().kind() != Token.Kind.NAME && !here().isOperator("(")) {
        break;
      }
      if (here().isName("in")) {
        break;
      }
      targets.add(oneTarget(members));
    }
    return new Statement.Target.Several(targets);
  }

  private Statement.Target oneTarget(boolean members) {
    if (here().isOperator("(")) {
      at++;
      nest();
      Statement.Target inner = target(members);
      nested--;
      operator(")");
      return inner;
    }
    String name = name();
    if (members && here().isOperator(".")) {
      at++;
      return new Statement.Target.Member(name, name());
    }
    return new Statement.Target.Variable(name);
  }

  private Statement assignment(int line) {
    Statement.Target target = target(true);
    if (here().isOperator("=")) {
      at++;
      Expression value = tuple();
      expect(Token.Kind.BLOCK_END);
      return new Statement.Assign(target, value, line);
    }
    List<Statement.FilterCall> filters = filters();
    expect(Token.Kind.BLOCK_END);
    return new Statement.AssignText(target, filters, bodyUntil("endset"), line);
  }

  private List<Statement.FilterCall> filters() {
    List<Statement.FilterCall> filters = new ArrayList<>();
    while (here().isOperator("|")) {
      at++;
      filters.add(filterCall());
    }
    return filters;
  }

  private Statement.FilterCall filterCall() {
    String name = filterName();
    return new Statement.FilterCall(name, here().isOperator("(") ? arguments() : Arguments.NONE);
  }

  private Statement with(int line) {
    Map<String, Expression> values = new LinkedHashMap<>();
    while (here().kind() != Token.Kind.BLOCK_END) {
      String name = name();
      operator("=");
      values.put(name, expression());
      if (here().isOperator(",")) {
        at++;
      }
    }
    expect(Token.Kind.BLOCK_END);
    return new Statement.With(values, bodyUntil("endwith"), line);
  }

  private Statement macro(int line) {
    String name = name();
    List<String> parameters = new ArrayList<>();
    Map<String, Expression> defaults = new LinkedHashMap<>();
    parameters(parameters, defaults);
    return macro(name, parameters, defaults, "endmacro", line);
  }

  private void parameters(List<String> parameters, Map<String, Expression> defaults) {
    operator("(");
    while (!here().isOperator(")")) {
      String parameter = name();
      parameters.add(parameter);
      if (here().isOperator("=")) {
        at++;
        defaults.put(parameter, expression());
      } else if (!defaults.isEmpty()) {
        throw failure("a parameter without a default follows one with a default");
      }
      if (!here().isOperator(")")) {
        operator(",");
      }
    }
    operator(")");
  }

  private Statement.Macro macro(
      String name,
      List<String> parameters,
      Map<String, Expression> defaults,
      String end,
      int line) {
    expect(Token.Kind.BLOCK_END);
    int begin = at;
    int outside = loops;
    loops = 0;
    List<Statement> body = bodyUntil(end);
    loops = outside;
    Set<String> extras = new HashSet<>();
    for (Token token : tokens.subList(begin, at)) {
      if (token.kind() == Token.Kind.NAME && EXTRAS.contains(token.text())) {
        extras.add(token.text());
      }
    }
    return new Statement.Macro(name, parameters, defaults, extras, body, line);
  }

  private Statement callBlock(int line) {
    List<String> parameters = new ArrayList<>();
    Map<String, Expression> defaults = new LinkedHashMap<>();
    if (here().isOperator("(")) {
      parameters(parameters, defaults);
    }
    Expression call = expression();
    if (!(call instanceof Expression.Call)) {
      throw failure("the block \"call\" needs a call");
    }
    Statement.Macro caller = macro("caller", parameters, defaults, "endcall", line);
    return new Statement.CallBlock(call, caller, line);
  }

  /** An expression, or several with commas between them, which are a tuple. */
  private Expression tuple() {
    return tupleOf(this::expression);
  }

  private interface Part {
    Expression parse();
  }

  private Expression tupleOf(Part part) {
    Expression first = part.parse();
    if (!here().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (here().isOperator(",")) {
      at++;
      if (here().kind() == Token.Kind.BLOCK_END
          || here().kind() == Token.Kind.PRINT_END
          || here().isOperator(")")
          || here().isName("recursive")) {
        break;
      }
      items.add(part.parse());
    }
    return new Expression.TupleOf(items);
  }

  private Expression expression() {
    nest();
    Expression value = or();
    while (here().isName("if")) {
      at++;
      Expression test = or();
      Optional<Expression> otherwise = Optional.empty();
      if (here().isName("else")) {
        at++;
        otherwise = Optional.of(expression());
      }
      value = new Expression.Choice(test, value, otherwise);
    }
    nested--;
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (here().isName("or")) {
      at++;
      left = new Expression.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (here().isName("and")) {
      at++;
      left = new Expression.And(left, not());
    }
    return left;
  }

  private Expression not() {
    if (here().isName("not")) {
      at++;
      nest();
      Expression operand = not();
      nested--;
      return new Expression.Not(operand);
    }
    return comparison();
  }

  private Expression comparison() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> others = new ArrayList<>();
    while (true) {
      if (here().kind() == Token.Kind.OPERATOR && COMPARISONS.contains(here().text())) {
        operators.add(take().text());
      } else if (here().isName("in")) {
        at++;
        operators.add("in");
      } else if (here().isName("not") && peek(1).isName("in")) {
        at += 2;
        operators.add("not in");
      } else {
        return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
      }
      others.add(sum());
    }
  }

  private Expression sum() {
    Expression left = concatenation();
    while (here().isOperator("+") || here().isOperator("-")) {
      left = new Expression.Arithmetic(take().text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    Expression first = product();
    if (!here().isOperator("~")) {
      return first;
    }
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (here().isOperator("~")) {
      at++;
      parts.add(product());
    }
    return new Expression.Concatenation(parts);
  }

  private Expression product() {
    Expression left = power();
    while (here().isOperator("*")
        || here().isOperator("/")
        || here().isOperator("//")
        || here().isOperator("%")) {
      left = new Expression.Arithmetic(take().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (here().isOperator("**")) {
      at++;
      left = new Expression.Arithmetic("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean filtered) {
    Expression value;
    if (here().isOperator("-") || here().isOperator("+")) {
      boolean negative = take().isOperator("-");
      nest();
      value = new Expression.Sign(negative, unary(false));
      nested--;
    } else {
      value = postfix(primary());
    }
    return filtered ? filtered(value) : value;
  }

  private Expression primary() {
    Token token = take();
    return switch (token.kind()) {
      case NAME ->
          switch (token.text()) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(Values.NONE);
            default -> new Expression.Name(token.text());
          };
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (here().kind() == Token.Kind.STRING) {
          text.append(take().text());
        }
        yield new Expression.Literal(text.toString());
      }
      case INTEGER -> new Expression.Literal(integer(token));
      case FLOAT -> new Expression.Literal(Double.valueOf(token.text()));
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> {
              Expression inner =
                  here().isOperator(")") ? new Expression.TupleOf(List.of()) : tuple();
              operator(")");
              yield inner;
            }
            case "[" -> new Expression.ListOf(items("]"));
            case "{" -> dict();
            default -> throw unexpected(token);
          };
      default -> throw unexpected(token);
    };
  }

  private static Object integer(Token token) {
    String text = token.text();
    return Numbers.parseInt(text, text.matches("0[xXoObB].*") ? 0 : 10)
        .orElseThrow(
            () -> new JinjaException("line " + token.line() + ": " + text + " is no number"));
  }

  private List<Expression> items(String end) {
    List<Expression> items = new ArrayList<>();
    while (!here().isOperator(end)) {
      items.add(expression());
      if (!here().isOperator(end)) {
        operator(",");
      }
    }
    operator(end);
    return items;
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!here().isOperator("}")) {
      keys.add(expression());
      operator(":");
      values.add(expression());
      if (!here().isOperator("}")) {
        operator(",");
      }
    }
    operator("}");
    return new Expression.DictOf(keys, values);
  }

  private Expression postfix(Expression start) {
    Expression value = start;
    while (true) {
      if (here().isOperator(".")) {
        at++;
        Token name = take();
        value =
            switch (name.kind()) {
              case NAME -> new Expression.Attribute(value, name.text());
              case INTEGER -> new Expression.Item(value, new Expression.Literal(integer(name)));
              default -> throw unexpected(name);
            };
      } else if (here().isOperator("[")) {
        at++;
        value = subscript(value);
      } else if (here().isOperator("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression subscript(Expression target) {
    Optional<Expression> start = sliceBound();
    if (here().isOperator("]")) {
      at++;
      return new Expression.Item(
          target, start.orElseThrow(() -> failure("the brackets hold nothing")));
    }
    operator(":");
    Optional<Expression> stop = sliceBound();
    Optional<Expression> step = Optional.empty();
    if (here().isOperator(":")) {
      at++;
      step = sliceBound();
    }
    operator("]");
    return new Expression.Slice(target, start, stop, step);
  }

  private Optional<Expression> sliceBound() {
    return here().isOperator(":") || here().isOperator("]")
        ? Optional.empty()
        : Optional.of(expression());
  }

  private Expression filtered(Expression start) {
    Expression value = start;
    while (true) {
      if (here().isOperator("|")) {
        at++;
        Statement.FilterCall filter = filterCall();
        value = new Expression.Filter(value, filter.name(), filter.arguments());
      } else if (here().isName("is")) {
        at++;
        value = test(value);
      } else if (here().isOperator("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression test(Expression target) {
    boolean negated = here().isName("not");
    at += negated ? 1 : 0;
    Token token = take();
    if (token.kind() != Token.Kind.NAME) {
      throw unexpected(token);
    }
    if (!Tests.NAMES.contains(token.text())) {
      throw failure("the test \"%s\" is not known".formatted(token.text()));
    }
    Arguments arguments = Arguments.NONE;
    if (here().isOperator("(")) {
      arguments = arguments();
    } else if (beginsArgument()) {
      arguments =
          new Arguments(List.of(postfix(primary())), Map.of(), Optional.empty(), Optional.empty());
    }
    if (here().isName("is")) {
      throw failure("one test follows another: put the first in brackets");
    }
    Expression test = new Expression.Test(target, token.text(), arguments);
    return negated ? new Expression.Not(test) : test;
  }

  private boolean beginsArgument() {
    return switch (here().kind()) {
      case NAME -> !NO_TEST_ARGUMENT.contains(here().text()) && !here().text().equals("not");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> here().isOperator("[") || here().isOperator("{");
      default -> false;
    };
  }

  private Arguments arguments() {
    operator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Optional<Expression> rest = Optional.empty();
    Optional<Expression> namedRest = Optional.empty();
    while (!here().isOperator(")")) {
      if (here().isOperator("*") && rest.isEmpty() && namedRest.isEmpty()) {
        at++;
        rest = Optional.of(expression());
      } else if (here().isOperator("**") && namedRest.isEmpty()) {
        at++;
        namedRest = Optional.of(expression());
      } else if (here().kind() == Token.Kind.NAME
          && peek(1).isOperator("=")
          && namedRest.isEmpty()) {
        String name = name();
        at++;
        if (named.put(name, expression()) != null) {
          throw failure("the argument \"%s\" is given twice".formatted(name));
        }
      } else if (named.isEmpty() && rest.isEmpty() && namedRest.isEmpty()) {
        positional.add(expression());
      } else {
        throw failure("an argument without a name follows one with a name");
      }
      if (!here().isOperator(")")) {
        operator(",");
      }
    }
    operator(")");
    return new Arguments(positional, named, rest, namedRest);
  }

  private String filterName() {
    String name = name();
    if (!Filters.NAMES.contains(name)) {
      throw failure("the filter \"%s\" is not known".formatted(name));
    }
    return name;
  }

  private String name() {
    Token token = take();
    if (token.kind() != Token.Kind.NAME) {
      throw unexpected(token);
    }
    return token.text();
  }

  private void keyword(String name) {
    if (!take().isName(name)) {
      at--;
      throw failure("\"%s\" is missing before %s".formatted(name, here().shown()));
    }
  }

  private void operator(String operator) {
    if (!take().isOperator(operator)) {
      at--;
      throw failure("\"%s\" is missing before %s".formatted(operator, here().shown()));
    }
  }

  private void expect(Token.Kind kind) {
    Token token = take();
    if (token.kind() != kind) {
      throw unexpected(token);
    }
  }

  private Token here() {
    return tokens.get(at);
  }

  private Token peek(int ahead) {
    return tokens.get(Math.min(at + ahead, tokens.size() - 1));
  }

  private Token take() {
    Token token = here();
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  private void nest() {
    nested++;
    if (nested > MOST_NESTED) {
      throw failure("more than " + MOST_NESTED + " parts stand within each other");
    }
  }

  private JinjaException unexpected(Token token) {
    return new JinjaException("line " + token.line() + ": " + token.shown() + " is not expected");
  }

  private JinjaException failure(String what) {
    return new JinjaException("line " + here().line() + ": " + what);
  }
}
