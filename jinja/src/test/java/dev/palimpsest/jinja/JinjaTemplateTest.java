package dev.palimpsest.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Templates as Jinja2 renders them; golden.py beside golden.json wrote what that is. */
final class JinjaTemplateTest {
  private static final int LONGEST = 100_000;

  private static Stream<Arguments> golden() throws IOException {
    List<Arguments> cases = new ArrayList<>();
    try (InputStream in = JinjaTemplateTest.class.getResourceAsStream("/jinja/golden.json")) {
      for (JsonNode each : new JsonMapper().readTree(in).values()) {
        cases.add(Arguments.of(cases.size() + ", " + each.path("name").stringValue(), each));
      }
    }
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("golden")
  void aTemplateIsRenderedAsJinja2RendersIt(String name, JsonNode golden) {
    List<Map<String, String>> messages = new ArrayList<>();
    for (JsonNode each : golden.path("messages").values()) {
      Map<String, String> message = new LinkedHashMap<>();
      message.put("role", each.path("role").stringValue());
      message.put("content", each.path("content").stringValue());
      messages.add(message);
    }
    Map<String, @Nullable Object> variables = new HashMap<>();
    variables.put("messages", messages);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", golden.path("add_generation_prompt").booleanValue());
    variables.put("bos_token", "<s>");
    variables.put("eos_token", "</s>");
    String template = golden.path("template").stringValue();
    if (golden.path("fails").asBoolean(false)) {
      assertThatThrownBy(() -> new JinjaTemplate(template).render(variables, LONGEST))
          .as(name)
          .isInstanceOf(JinjaException.class);
    } else {
      assertThat(new JinjaTemplate(template).render(variables, LONGEST))
          .isEqualTo(golden.path("text").stringValue());
    }
  }

  /** Small templates and their texts, as Transformers 5.18 renders them. */
  private static Stream<Arguments> rows() throws IOException {
    try (InputStream in = JinjaTemplateTest.class.getResourceAsStream("/jinja/rows.json")) {
      return new JsonMapper()
          .readTree(in).values().stream()
              .map(each -> Arguments.of(each.path("template").stringValue(), each))
              .toList()
              .stream();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rows")
  void aRowIsRenderedAsTransformersRendersIt(String template, JsonNode row) {
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("role", "user");
    message.put("content", row.path("content").stringValue());
    assertThat(new JinjaTemplate(template).render(Map.of("messages", List.of(message)), LONGEST))
        .isEqualTo(row.path("expected").stringValue());
  }

  @Test
  void generatedTemplatesAreRenderedAsJinja2RendersThem() throws IOException {
    JsonNode fuzz;
    try (InputStream in = JinjaTemplateTest.class.getResourceAsStream("/jinja/fuzz.json")) {
      fuzz = new JsonMapper().readTree(in);
    }
    Map<String, @Nullable Object> variables = new HashMap<>();
    variables.put("messages", new JsonMapper().convertValue(fuzz.path("messages"), List.class));
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", true);
    variables.put("bos_token", "<s>");
    variables.put("eos_token", "</s>");
    List<String> wrong = new ArrayList<>();
    for (JsonNode each : fuzz.path("cases").values()) {
      String template = each.path("template").stringValue();
      String wanted =
          each.path("fails").asBoolean(false)
              ? "fails, " + each.path("why").asString("")
              : "'" + each.path("text").stringValue() + "'";
      String got;
      try {
        got = "'" + new JinjaTemplate(template).render(variables, LONGEST) + "'";
      } catch (JinjaException e) {
        got = "fails, " + e.getMessage();
      }
      if (!got.equals(wanted) && !(got.startsWith("fails, ") && wanted.startsWith("fails, "))) {
        wrong.add("%s%n  wanted %s%n  got    %s%n".formatted(template, wanted, got));
      }
    }
    assertThat(fuzz.path("cases").size()).isGreaterThanOrEqualTo(400);
    assertThat(String.join("\n", wrong)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "{{ a ~ line 1: the tag does not end: \"}}\" is missing",
        "{% if a %}x ~ line 1: \"{% endif %}\" is missing",
        "{% for a in b %}{% endif %} ~ line 1: \"{% endfor %}\" is missing",
        "{% endif %} ~ line 1: the block \"endif\" was not begun",
        "{% include 'x' %} ~ line 1: the block \"include\" is not known",
        "{% break %} ~ line 1: \"break\" stands outside of a loop",
        "{{ a | nosuch }} ~ line 1: the filter \"nosuch\" is not known",
        "{{ a is nosuch }} ~ line 1: the test \"nosuch\" is not known",
        "{{ a ? b }} ~ line 1: \"?\" cannot stand in a tag",
        "{{ 'a }} ~ line 1: \"'\" cannot stand in a tag",
        "{{ (1, 2 }} ~ line 1: the tag does not end: \"}}\" is missing",
        "{{ 1) }} ~ line 1: \")\" is not expected",
        "{# a ~ line 1: the comment does not end: \"#}\" is missing",
        "{{ f(a=1, 2) }} ~ line 1: an argument without a name follows one with a name",
        "{{ 2 ** 99999999 }} ~ line 1: a number becomes too large",
        "{{ 'a'|trim(char='b') }} ~ line 1: \"trim\" has no argument char",
        "{{ 'a'|upper(1) }} ~ line 1: \"upper\" takes at most 0 values, not 1",
        "{{ 'a'|replace('b') }} ~ line 1: \"replace\" needs a value for new",
        "{{ 'a'|replace('b', 'c', old='d') }} ~ line 1: \"replace\" is given old twice",
        "{{ messages.append(1) }}{{ [].append(1) }} ~ line 1: \"messages\" is undefined",
        "{{ [].append(1) }} ~ line 1: \"append\" would change a value of type list",
        "{{ nosuch(1) }} ~ line 1: \"nosuch\" is undefined",
        "{{ 'a'.getClass() }} ~ line 1: \"getClass\" is undefined",
        "{{ 'a'.nosuch }}{{ 1 + 'a' }} ~ line 1: \"+\" does not join values of types int and str",
        "{{ raise_exception('no') }} ~ no",
        "{{ range(1000000) }} ~ line 1: \"range\" is longer than 100000",
        "{{ 'a' * 9999999 }} ~ line 1: a repeated text becomes longer than 1048576",
        "{{ strftime_now('%Q') }} ~ line 1: \"strftime_now\" does not know %Q",
      })
  void aTemplateThatFailsSaysWhereAndWhy(String template, String complaint) {
    assertThatThrownBy(() -> new JinjaTemplate(template).render(Map.of(), LONGEST))
        .isInstanceOf(JinjaException.class)
        .hasMessageContaining(complaint);
  }

  @Test
  void anErrorNamesItsLine() {
    assertThatThrownBy(() -> new JinjaTemplate("a\n{# b\n #}\n{% if x %}\n{% nope %}"))
        .hasMessage("line 5: the block \"nope\" is not known");
    assertThatThrownBy(
            () -> new JinjaTemplate("a\n\n{{ b }}\n{{ c.d.e }}").render(Map.of(), LONGEST))
        .hasMessage("line 4: \"c\" is undefined");
  }

  @Test
  void aTemplateWithoutEndIsStopped() {
    String loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    assertThatThrownBy(() -> new JinjaTemplate(loops).render(Map.of(), LONGEST))
        .hasMessageContaining("it takes more than 5000000 steps");
    String writes = "{% for a in range(99999) %}{{ x }}{% endfor %}";
    assertThatThrownBy(() -> new JinjaTemplate(writes).render(Map.of("x", "x".repeat(99)), LONGEST))
        .hasMessageContaining("over the limit of 100000 characters");
    String calls = "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}";
    assertThatThrownBy(() -> new JinjaTemplate(calls).render(Map.of(), LONGEST))
        .hasMessageContaining("macros call each other more than 100 deep");
    String brackets = "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}";
    assertThatThrownBy(() -> new JinjaTemplate(brackets))
        .hasMessageContaining("more than 200 parts stand within each other");
  }

  @Test
  void numbersOfEveryWidthAreTaken() {
    Map<String, Object> numbers = Map.of("a", (byte) 1, "b", (short) 2, "c", 3, "d", 4L, "e", 0.5f);
    assertThat(new JinjaTemplate("{{ a + b + c + d + e }}").render(numbers, LONGEST))
        .isEqualTo("10.5");
  }

  @Test
  void aVariableOfAnotherTypeIsRefused() {
    Map<String, Object> variables = Map.of("list", List.of(LocalDate.EPOCH));
    assertThatThrownBy(() -> new JinjaTemplate("{{ 1 }}").render(variables, LONGEST))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a template takes booleans, numbers, strings, lists, maps and null, not a value of type"
                + " java.time.LocalDate");
  }

  @Test
  void theDayIsToday() {
    String template = "{{ strftime_now('%d %b %Y') | length }} {{ strftime_now('%Y') }}";
    int before = LocalDate.now(ZoneId.systemDefault()).getYear();
    String text = new JinjaTemplate(template).render(Map.of(), LONGEST);
    int after = LocalDate.now(ZoneId.systemDefault()).getYear();
    assertThat(text).isIn("11 " + before, "11 " + after);
  }
}
