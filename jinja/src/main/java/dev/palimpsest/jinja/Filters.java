package dev.palimpsest.jinja;

import static java.util.Map.entry;

import dev.palimpsest.jinja.Values.Generator;
import dev.palimpsest.jinja.Values.Tuple;
import dev.palimpsest.jinja.Values.Undefined;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Jinja's filters, and Transformers' {@code tojson}. */
final class Filters {
  private static final Pattern TAGS = Pattern.compile("(?s)<!--.*?-->|<[^>]*>");
  private static final Pattern ATTRIBUTE_BREAK = Pattern.compile("[\\s/>=]");
  private static final List<String> SIZES = List.of("k", "M", "G", "T", "P", "E", "Z", "Y");

  private static final Map<String, Filter> FILTERS =
      Map.ofEntries(
          bound("abs", "", (value, _) -> magnitude(value)),
          bound("attr", "name", Filters::attribute),
          bound("batch", "linecount fill_with?", Filters::batches),
          bound("capitalize", "", (value, _) -> Characters.capitalized(Values.text(value))),
          bound(
              "center", "width?", (v, g) -> Strings.centered(Values.text(v), g.whole("width", 80))),
          bound("count", "", (value, _) -> Values.length(value)),
          bound("d", "default_value? boolean?", Filters::otherwise),
          bound("default", "default_value? boolean?", Filters::otherwise),
          bound("dictsort", "case_sensitive? by? reverse?", Filters::dictSorted),
          bound("e", "", (value, _) -> escaped(Values.text(value))),
          bound("escape", "", (value, _) -> escaped(Values.text(value))),
          bound("filesizeformat", "binary?", Filters::fileSize),
          bound("first", "", (value, _) -> first(value)),
          bound("float", "default?", Filters::decimal),
          bound("forceescape", "", (value, _) -> escaped(Values.text(value))),
          entry("format", Filters::format),
          bound("groupby", "attribute default? case_sensitive?", Filters::grouped),
          bound("indent", "width? first? blank?", Filters::indented),
          bound("int", "default? base?", Filters::whole),
          bound("items", "", (value, _) -> entries(value)),
          bound("join", "d? attribute?", Filters::join),
          bound("last", "", (value, _) -> last(value)),
          bound("length", "", (value, _) -> Values.length(value)),
          bound("list", "", (value, _) -> new ArrayList<>(Values.items(value))),
          bound("lower", "", (value, _) -> Characters.lower(Values.text(value))),
          entry("map", Filters::mapped),
          bound("max", "case_sensitive? attribute?", (value, g) -> extreme(value, g, 1)),
          bound("min", "case_sensitive? attribute?", (value, g) -> extreme(value, g, -1)),
          entry("reject", (v, given, named) -> selected("reject", v, given, named, false, false)),
          entry(
              "rejectattr",
              (v, given, named) -> selected("rejectattr", v, given, named, true, false)),
          bound("replace", "old new count?", Filters::replaced),
          bound("reverse", "", (value, _) -> reversed(value)),
          bound("round", "precision? method?", Filters::rounded),
          bound("safe", "", (value, _) -> Values.text(value)),
          entry("select", (v, given, named) -> selected("select", v, given, named, false, true)),
          entry(
              "selectattr",
              (v, given, named) -> selected("selectattr", v, given, named, true, true)),
          bound("slice", "slices fill_with?", Filters::slices),
          bound("sort", "reverse? case_sensitive? attribute?", Filters::sorted),
          bound("string", "", (value, _) -> Values.text(value)),
          bound("striptags", "", (value, _) -> withoutTags(Values.text(value))),
          bound("sum", "attribute? start?", Filters::sum),
          bound("title", "", (value, _) -> title(Values.text(value))),
          bound("tojson", "ensure_ascii? indent? separators? sort_keys?", Filters::json),
          bound(
              "trim",
              "chars?",
              (v, g) -> Strings.strip(Values.text(v), g.someString("chars"), true, true)),
          bound("truncate", "length? killwords? end? leeway?", Filters::truncated),
          bound("unique", "case_sensitive? attribute?", Filters::unique),
          bound("upper", "", (value, _) -> Characters.upper(Values.text(value))),
          bound("urlencode", "", (value, _) -> urlEncoded(value)),
          bound("wordcount", "", (v, _) -> words(Values.text(v))),
          bound("xmlattr", "autospace?", Filters::xmlAttributes));

  static final Set<String> NAMES = FILTERS.keySet();

  private Filters() {}

  private interface Filter {
    Object apply(Object value, List<Object> given, Map<String, Object> named);
  }

  private interface Body {
    Object apply(Object value, BoundArguments given);
  }

  private static Map.Entry<String, Filter> bound(String name, String parameters, Body body) {
    return entry(
        name,
        (value, given, named) ->
            body.apply(value, BoundArguments.bind(name, parameters, given, named)));
  }

  /** The value behind a filter. */
  static Object apply(String name, Object value, List<Object> given, Map<String, Object> named) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw new JinjaException("the filter \"" + name + "\" is not known");
    }
    return filter.apply(value, given, named);
  }

  private static Object magnitude(Object value) {
    Object number = number("abs", value);
    return number instanceof Double decimal
        ? (Object) Math.abs(decimal)
        : Numbers.whole(Numbers.big(number).abs());
  }

  private static Object number(String name, Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.used();
    }
    return Numbers.number(value)
        .orElseThrow(
            () ->
                new JinjaException(
                    "the filter \"%s\" takes a number, not a value of type %s"
                        .formatted(name, Values.type(value))));
  }

  private static Object attribute(Object value, BoundArguments given) {
    String name = given.string("name");
    return Attributes.own(value, name).orElseGet(() -> new Undefined(name));
  }

  private static Object batches(Object value, BoundArguments given) {
    Object size = given.get("linecount");
    List<Object> batches = new ArrayList<>();
    List<Object> batch = new ArrayList<>();
    for (Object each : Values.items(value)) {
      if (Values.equal((long) batch.size(), size)) {
        batches.add(batch);
        batch = new ArrayList<>();
      }
      batch.add(each);
    }
    if (!batch.isEmpty()) {
      if (given.some("fill_with").isPresent() && Values.ordered("<", (long) batch.size(), size)) {
        batch.addAll(
            Collections.nCopies(few(given.whole(size)) - batch.size(), given.get("fill_with")));
      }
      batches.add(batch);
    }
    return new Generator(batches);
  }

  private static int few(long count) {
    if (count > 100_000) {
      throw new JinjaException("a list becomes longer than 100000");
    }
    return (int) count;
  }

  private static Object slices(Object value, BoundArguments given) {
    List<Object> items = Values.items(value);
    int count = few(given.whole("slices", 0));
    if (count == 0) {
      throw new JinjaException("a number is divided by 0");
    }
    int size = items.size() / count;
    int larger = items.size() % count;
    List<Object> slices = new ArrayList<>();
    int start = 0;
    for (int index = 0; index < count; index++) {
      int end = start + size + (index < larger ? 1 : 0);
      List<Object> slice = new ArrayList<>(items.subList(start, end));
      if (given.some("fill_with").isPresent() && index >= larger) {
        slice.add(given.get("fill_with"));
      }
      slices.add(slice);
      start = end;
    }
    return new Generator(slices);
  }

  private static Object first(Object value) {
    Optional<Object> first =
        value instanceof Generator generator
            ? generator.next()
            : Values.items(value).stream().findFirst();
    return first.orElseGet(() -> new Undefined("first"));
  }

  private static Object last(Object value) {
    if (value instanceof Generator) {
      throw new JinjaException("a generator has no last item");
    }
    List<Object> items = Values.items(value);
    return items.isEmpty() ? new Undefined("last") : items.getLast();
  }

  private static Object join(Object value, BoundArguments given) {
    List<String> parts = new ArrayList<>();
    Getter getter = Getter.of(given.some("attribute"), Optional.empty(), true);
    Values.items(value).forEach(each -> parts.add(Values.text(getter.of(each))));
    return String.join(given.find("d").map(Values::text).orElse(""), parts);
  }

  private static Object otherwise(Object value, BoundArguments given) {
    boolean missing =
        value instanceof Undefined || (given.flag("boolean") && !Values.isTrue(value));
    return missing ? given.find("default_value").orElse("") : value;
  }

  private static Object json(Object value, BoundArguments given) {
    Optional<String> indent =
        given
            .some("indent")
            .map(
                each ->
                    each instanceof String text
                        ? text
                        : " ".repeat(few(Math.max(0, given.whole(each)))));
    List<Object> separators =
        given
            .some("separators")
            .map(Values::items)
            .orElse(List.of(indent.isPresent() ? "," : ", ", ": "));
    if (separators.size() != 2) {
      throw new JinjaException("\"tojson\" takes two separators");
    }
    return new Json(
            given.flag("ensure_ascii"),
            indent,
            given.string(separators.get(0)),
            given.string(separators.get(1)),
            given.flag("sort_keys"))
        .write(value);
  }

  static Map<?, ?> map(String name, Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new JinjaException(
        "\"%s\" takes a dict, not a value of type %s".formatted(name, Values.type(value)));
  }

  private static Object entries(Object value) {
    return new Generator(
        value instanceof Undefined ? List.of() : Values.entries(map("items", value)));
  }

  private static Object whole(Object value, BoundArguments given) {
    Object otherwise = given.find("default").orElse(0L);
    if (value instanceof Undefined undefined) {
      throw undefined.used();
    }
    if (value instanceof String text) {
      return Numbers.parseInt(text, (int) given.whole("base", 10))
          .or(
              () ->
                  Numbers.parseFloat(text)
                      .filter(each -> !each.isNaN() && !each.isInfinite())
                      .map(Filters::truncated))
          .orElse(otherwise);
    }
    Object number = Numbers.number(value).orElse(otherwise);
    if (Numbers.number(value).isEmpty() || Numbers.isWhole(number)) {
      return number;
    }
    if (((Double) number).isInfinite()) {
      throw new JinjaException("an infinite number is no int");
    }
    return ((Double) number).isNaN() ? otherwise : truncated(number);
  }

  private static Object truncated(Object number) {
    return Numbers.whole(Numbers.exact(number).toBigInteger());
  }

  private static Object decimal(Object value, BoundArguments given) {
    if (value instanceof Undefined undefined) {
      throw undefined.used();
    }
    Object otherwise = given.find("default").orElse(0.0);
    if (value instanceof String text) {
      return Numbers.parseFloat(text).<Object>map(each -> each).orElse(otherwise);
    }
    return Numbers.number(value).<Object>map(Numbers::decimal).orElse(otherwise);
  }

  private static Object rounded(Object value, BoundArguments given) {
    String method = given.find("method").map(given::string).orElse("common");
    Object number = number("round", value);
    if (given.find("precision").filter(Values::isNone).isPresent()) {
      return truncated(rounded(number, 0));
    }
    Object precision = given.find("precision").orElse(0L);
    if (method.equals("common")) {
      return rounded(number, Math.toIntExact(Math.clamp(given.bound(precision), -5000, 5000)));
    }
    return switch (method) {
      case "ceil", "floor" -> {
        Object power = Numbers.arithmetic("**", 10L, precision);
        Object scaled = Numbers.arithmetic("*", number, power);
        Object whole =
            Numbers.whole(
                Numbers.exact(scaled)
                    .setScale(0, method.equals("ceil") ? RoundingMode.CEILING : RoundingMode.FLOOR)
                    .toBigInteger());
        yield Numbers.arithmetic("/", whole, power);
      }
      default -> throw new JinjaException("\"round\" takes the method common, ceil or floor");
    };
  }

  private static Object rounded(Object number, int precision) {
    if (number instanceof Double decimal && (decimal.isNaN() || decimal.isInfinite())) {
      return decimal;
    }
    if (Numbers.isWhole(number) && precision >= 0) {
      return number;
    }
    BigDecimal rounded = Numbers.exact(number).setScale(precision, RoundingMode.HALF_EVEN);
    return number instanceof Double decimal
        ? (Object) Math.copySign(rounded.doubleValue(), decimal)
        : Numbers.whole(rounded.toBigInteger());
  }

  private static Object fileSize(Object value, BoundArguments given) {
    double bytes =
        value instanceof String text
            ? Numbers.parseFloat(text)
                .orElseThrow(() -> new JinjaException("\"filesizeformat\" takes a number"))
            : Numbers.decimal(number("filesizeformat", value));
    boolean binary = given.flag("binary");
    double base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return "1 Byte";
    }
    if (bytes < base) {
      return (long) bytes + " Bytes";
    }
    double unit = base;
    int size = -1;
    do {
      size++;
      unit *= base;
    } while (bytes >= unit && size < SIZES.size() - 1);
    String prefix = binary ? SIZES.get(size).toUpperCase(Locale.ROOT) + "i" : SIZES.get(size);
    return Formats.format(base * bytes / unit, ".1f") + " " + prefix + "B";
  }

  private static Object format(Object value, List<Object> given, Map<String, Object> named) {
    if (!given.isEmpty() && !named.isEmpty()) {
      throw new JinjaException("\"format\" takes values by place or by name, not both");
    }
    return Formats.percent(Values.text(value), named.isEmpty() ? new Tuple(given) : named);
  }

  /** How a filter takes an attribute, or one of an attribute, as {@code function.name}. */
  private record Getter(List<Object> parts, Optional<Object> otherwise, boolean exact) {

    static Getter of(Optional<Object> attribute, Optional<Object> otherwise, boolean exact) {
      List<Object> parts = new ArrayList<>();
      if (attribute.isPresent() && attribute.get() instanceof String path) {
        for (String part : path.split("\\.", -1)) {
          parts.add(part.matches("[0-9]{1,9}") ? Long.valueOf(part) : part);
        }
      } else {
        attribute.ifPresent(parts::add);
      }
      return new Getter(parts, otherwise, exact);
    }

    Object of(Object value) {
      Object found = value;
      for (Object part : parts) {
        found = Attributes.item(found, part);
        if (found instanceof Undefined && otherwise.isPresent()) {
          found = otherwise.get();
        }
      }
      return found instanceof String text && !exact ? Characters.lower(text) : found;
    }
  }

  private static Object mapped(Object value, List<Object> given, Map<String, Object> named) {
    if (!Values.isTrue(value)) {
      return new Generator(List.of());
    }
    List<Object> mapped = new ArrayList<>();
    if (given.isEmpty() && named.containsKey("attribute")) {
      BoundArguments arguments = BoundArguments.bind("map", "attribute default?", given, named);
      Getter getter = Getter.of(arguments.some("attribute"), arguments.some("default"), true);
      Values.items(value).forEach(each -> mapped.add(getter.of(each)));
    } else if (given.isEmpty()) {
      throw new JinjaException("the filter \"map\" needs a filter");
    } else {
      String name = Values.text(given.getFirst());
      List<Object> rest = given.subList(1, given.size());
      Values.items(value).forEach(each -> mapped.add(apply(name, each, rest, named)));
    }
    return new Generator(mapped);
  }

  private static Object selected(
      String name,
      Object value,
      List<Object> given,
      Map<String, Object> named,
      boolean byAttribute,
      boolean wanted) {
    if (!Values.isTrue(value)) {
      return new Generator(List.of());
    }
    if (byAttribute && given.isEmpty()) {
      throw new JinjaException("the filter \"" + name + "\" needs an attribute");
    }
    Getter getter =
        Getter.of(
            byAttribute ? Optional.of(given.getFirst()) : Optional.empty(), Optional.empty(), true);
    List<Object> test = byAttribute ? given.subList(1, given.size()) : given;
    List<Object> selected = new ArrayList<>();
    for (Object each : Values.items(value)) {
      Object tested = getter.of(each);
      boolean holds =
          test.isEmpty()
              ? Values.isTrue(tested)
              : Tests.holds(
                  Values.text(test.getFirst()), tested, test.subList(1, test.size()), named);
      if (holds == wanted) {
        selected.add(each);
      }
    }
    return new Generator(selected);
  }

  private static Object sorted(Object value, BoundArguments given) {
    List<Object> sorted = new ArrayList<>(Values.items(value));
    boolean exact = given.flag("case_sensitive");
    List<Getter> getters = new ArrayList<>();
    if (given.some("attribute").isPresent() && given.get("attribute") instanceof String all) {
      for (String each : all.split(",", -1)) {
        getters.add(Getter.of(Optional.of(each), Optional.empty(), exact));
      }
    } else {
      getters.add(Getter.of(given.some("attribute"), Optional.empty(), exact));
    }
    sort(
        sorted,
        each -> {
          List<Object> keys = new ArrayList<>();
          getters.forEach(getter -> keys.add(getter.of(each)));
          return keys;
        },
        given.flag("reverse"));
    return sorted;
  }

  private interface Key {
    Object of(Object value);
  }

  private static void sort(List<Object> items, Key key, boolean reverse) {
    Comparator<Object> order = (a, b) -> Values.order(key.of(a), key.of(b));
    items.sort(reverse ? order.reversed() : order);
  }

  private static Object dictSorted(Object value, BoundArguments given) {
    String by = given.find("by").map(Values::text).orElse("key");
    if (!by.equals("key") && !by.equals("value")) {
      throw new JinjaException("\"dictsort\" goes by key or value");
    }
    Getter getter =
        Getter.of(
            Optional.of(by.equals("key") ? 0L : 1L),
            Optional.empty(),
            given.flag("case_sensitive"));
    List<Object> entries = new ArrayList<>(Values.entries(map("dictsort", value)));
    sort(entries, getter::of, given.flag("reverse"));
    return entries;
  }

  private static Object unique(Object value, BoundArguments given) {
    Getter getter =
        Getter.of(given.some("attribute"), Optional.empty(), given.flag("case_sensitive"));
    Map<Object, Object> seen = new LinkedHashMap<>();
    List<Object> unique = new ArrayList<>();
    for (Object each : Values.items(value)) {
      Object key = getter.of(each);
      if (Values.find(seen, key).isEmpty()) {
        Values.put(seen, key, true);
        unique.add(each);
      }
    }
    return new Generator(unique);
  }

  private static Object grouped(Object value, BoundArguments given) {
    Optional<Object> attribute = given.some("attribute");
    Optional<Object> otherwise = given.some("default");
    Getter getter = Getter.of(attribute, otherwise, given.flag("case_sensitive"));
    Getter exact = Getter.of(attribute, otherwise, true);
    List<Object> sorted = new ArrayList<>(Values.items(value));
    sort(sorted, getter::of, false);
    List<Object> groups = new ArrayList<>();
    List<Object> group = new ArrayList<>();
    for (Object each : sorted) {
      if (group.isEmpty() || !Values.equal(getter.of(group.getFirst()), getter.of(each))) {
        group = new ArrayList<>();
        groups.add(new Tuple(List.of(exact.of(each), group), List.of("grouper", "list")));
      }
      group.add(each);
    }
    return groups;
  }

  private static Object reversed(Object value) {
    if (value instanceof String text) {
      StringBuilder reversed = new StringBuilder();
      Values.items(text).reversed().forEach(reversed::append);
      return reversed.toString();
    }
    List<Object> reversed = new ArrayList<>(Values.items(value));
    Collections.reverse(reversed);
    return value instanceof Generator ? reversed : new Generator(reversed);
  }

  private static Object indented(Object value, BoundArguments given) {
    if (!(value instanceof String text)) {
      throw new JinjaException("\"indent\" takes a str, not a value of type " + Values.type(value));
    }
    Object width = given.find("width").orElse(4L);
    String space =
        width instanceof String own ? own : " ".repeat(few(Math.max(0, given.whole(width))));
    List<String> lines = new ArrayList<>();
    for (Object line : Characters.lines(text + "\n", false)) {
      boolean indented = !lines.isEmpty() && (given.flag("blank") || !line.equals(""));
      lines.add((indented ? space : "") + line);
    }
    return (given.flag("first") ? space : "") + String.join("\n", lines);
  }

  private static Object extreme(Object value, BoundArguments given, int sign) {
    Getter getter =
        Getter.of(given.some("attribute"), Optional.empty(), given.flag("case_sensitive"));
    List<Object> items = Values.items(value);
    if (items.isEmpty()) {
      return new Undefined("extreme");
    }
    Object best = items.getFirst();
    for (Object each : items.subList(1, items.size())) {
      if (sign * Values.order(getter.of(each), getter.of(best)) > 0) {
        best = each;
      }
    }
    return best;
  }

  private static Object sum(Object value, BoundArguments given) {
    Getter getter = Getter.of(given.some("attribute"), Optional.empty(), true);
    Object sum = given.find("start").orElse(0L);
    if (sum instanceof String) {
      throw new JinjaException("\"sum\" does not join texts: use \"join\"");
    }
    for (Object each : Values.items(value)) {
      sum = Values.arithmetic("+", sum, getter.of(each));
    }
    return sum;
  }

  private static Object replaced(Object value, BoundArguments given) {
    return Strings.replace(
        Values.text(value),
        Values.text(given.get("old")),
        Values.text(given.get("new")),
        given.some("count").map(given::whole).orElse(-1L));
  }

  /** Words begin behind white space, hyphens and opening brackets. */
  private static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean begins = true;
    for (int c : text.codePoints().toArray()) {
      String each = Character.toString(c);
      boolean between = Characters.isSpace(c) || "-({[<".indexOf(c) >= 0;
      title.append(between ? each : begins ? Characters.upper(each) : Characters.lower(each));
      begins = between;
    }
    return title.toString();
  }

  private static Object truncated(Object value, BoundArguments given) {
    String text = Values.text(value);
    long length = given.find("length").map(given::bound).orElse(255L);
    String end = given.find("end").map(given::string).orElse("...");
    long leeway = given.some("leeway").map(given::whole).orElse(5L);
    if (length < Characters.length(end) || leeway < 0) {
      throw new JinjaException(
          "\"truncate\" takes a length of at least that of its end, and a leeway of at least 0");
    }
    if (Characters.length(text) <= length + leeway) {
      return text;
    }
    int cut = text.offsetByCodePoints(0, (int) (length - Characters.length(end)));
    String kept = text.substring(0, cut);
    return (given.flag("killwords") ? kept : Strings.split(kept, " ", 1, true).getFirst()) + end;
  }

  /** The number of runs of letters, numbers and underscores. */
  private static long words(String text) {
    long words = 0;
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      boolean part = c == '_' || Characters.isAlphanumeric(c);
      words += part && !inWord ? 1 : 0;
      inWord = part;
    }
    return words;
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }

  private static String withoutTags(String text) {
    List<String> words = new ArrayList<>();
    for (String word : TAGS.matcher(text).replaceAll("").split(Characters.SPACE + "+", -1)) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return String.join(" ", words)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
  }

  private static Object urlEncoded(Object value) {
    if (value instanceof String || !isIterable(value)) {
      return quoted(value).replace("%2F", "/");
    }
    List<String> parts = new ArrayList<>();
    for (Object pair : value instanceof Map<?, ?> map ? Values.entries(map) : Values.items(value)) {
      List<Object> two = Values.items(pair);
      if (two.size() != 2) {
        throw new JinjaException("\"urlencode\" takes pairs");
      }
      parts.add(
          quoted(two.get(0)).replace("%20", "+") + "=" + quoted(two.get(1)).replace("%20", "+"));
    }
    return String.join("&", parts);
  }

  private static boolean isIterable(Object value) {
    return Tests.holds("iterable", value, List.of(), Map.of());
  }

  private static String quoted(Object value) {
    return URLEncoder.encode(Values.text(value), StandardCharsets.UTF_8)
        .replace("+", "%20")
        .replace("*", "%2A")
        .replace("%7E", "~");
  }

  private static Object xmlAttributes(Object value, BoundArguments given) {
    List<String> attributes = new ArrayList<>();
    map("xmlattr", value)
        .forEach(
            (key, each) -> {
              if (Values.isNone(each) || each instanceof Undefined) {
                return;
              }
              if (!(key instanceof String name) || ATTRIBUTE_BREAK.matcher(name).find()) {
                throw new JinjaException(Values.repr(key) + " is no name of an attribute");
              }
              attributes.add(escaped(name) + "=\"" + escaped(Values.text(each)) + "\"");
            });
    boolean space = given.find("autospace").map(Values::isTrue).orElse(true);
    return (space && !attributes.isEmpty() ? " " : "") + String.join(" ", attributes);
  }
}
