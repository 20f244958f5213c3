package dev.palimpsest.lab.plan;

import dev.palimpsest.lab.answer.AnswerRegion;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Filler;
import dev.palimpsest.sampler.intervention.Force;
import dev.palimpsest.sampler.intervention.Freeze;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Plan;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.intervention.RemaskLeastSure;
import dev.palimpsest.sampler.intervention.SelfParaphrase;
import dev.palimpsest.sampler.intervention.StepTransform;
import dev.palimpsest.sampler.intervention.When;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Interventions as they are written down: {@code corrupt share=0.3 in=reasoning} on a command line,
 * or the same words as fields of a JSON object. {@code docs/interventions.md} lists them.
 */
public final class PlanReader {
  private static final int MOST_OWN_WORDS = 16;

  private final EndpointParaphrasers endpoint;
  private final Pattern answer;

  /**
   * A reader of interventions.
   *
   * @param endpoint makes the paraphraser of {@code how=endpoint}
   * @param answer finds the answer in a text; its one group is the answer
   */
  public PlanReader(EndpointParaphrasers endpoint, Pattern answer) {
    this.endpoint = endpoint;
    this.answer = answer;
  }

  /**
   * A plan from JSON.
   *
   * @throws IllegalArgumentException if it is none, naming what is wrong
   */
  public Plan plan(String json) {
    JsonNode root;
    try {
      root = new JsonMapper().readTree(json);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("the plan is not JSON: " + e.getOriginalMessage(), e);
    }
    if (!root.isObject()) {
      throw new IllegalArgumentException("the plan is no JSON object");
    }
    Words words = words(root);
    int rounds = words.integer("rounds", 0);
    boolean fresh = words.flag("fresh_seeds", false);
    words.seen("transforms");
    words.requireAllKnown("the plan");
    List<Plan.Scheduled> scheduled = new ArrayList<>();
    JsonNode transforms = root.path("transforms");
    if (!transforms.isMissingNode() && !transforms.isArray()) {
      throw new IllegalArgumentException("transforms is no list");
    }
    for (JsonNode each : transforms) {
      if (!each.isObject()) {
        throw new IllegalArgumentException(
            "transforms has " + each + " where an object with \"when\" and \"do\" belongs");
      }
      Words fields = words(each);
      When when = when(fields.text("when", "round"));
      scheduled.add(new Plan.Scheduled(when, transform(fields.text("do"), fields)));
    }
    return new Plan(scheduled, rounds, fresh);
  }

  /**
   * One intervention from a line, without a time.
   *
   * @throws IllegalArgumentException if it is none, naming what is wrong
   */
  public StepTransform transform(String line) {
    String[] parts = line.strip().split("\\s+(?=[a-z_]+=)", -1);
    Map<String, String> values = new LinkedHashMap<>();
    for (int index = 1; index < parts.length; index++) {
      int equals = parts[index].indexOf('=');
      values.put(parts[index].substring(0, equals), parts[index].substring(equals + 1));
    }
    return transform(parts[0], new Words(values));
  }

  private StepTransform transform(String name, Words words) {
    StepTransform transform =
        switch (name) {
          case "none" -> new Corrupt(new Region.All(), new Corrupt.Share(0), Corrupt.Choice.WORDS);
          case "corrupt" -> new Corrupt(region(words, "all"), amount(words), choice(words));
          case "mistake" -> new Mistake(region(words, "reasoning"));
          case "paraphrase" -> paraphrase(words);
          case "filler" -> new Filler(region(words, "reasoning"), words.text("text"));
          case "remask" ->
              words.flag("least_sure", false)
                  ? new RemaskLeastSure(region(words, "all"), words.share("share"))
                  : new Remask(
                      region(words, "all"), words.share("share"), words.flag("numbers", true));
          case "freeze" -> new Freeze(region(words, "all"));
          case "force" ->
              new Force(words.integer("at"), words.text("text"), words.text("followed_by", ""));
          default ->
              throw new IllegalArgumentException(
                  "'"
                      + name
                      + "' is no intervention: use none, corrupt, mistake, paraphrase, filler,"
                      + " remask, freeze or force");
        };
    words.requireAllKnown(name);
    return transform;
  }

  private static Corrupt.Choice choice(Words words) {
    boolean digits = words.flag("digits", false);
    boolean specials = words.flag("specials", false);
    if (digits && specials) {
      throw new IllegalArgumentException("corrupt takes digits or specials, not both");
    }
    return digits ? Corrupt.Choice.DIGITS : specials ? Corrupt.Choice.ALL : Corrupt.Choice.WORDS;
  }

  private static Corrupt.Amount amount(Words words) {
    if (!words.has("count")) {
      return new Corrupt.Share(words.share("share"));
    }
    if (words.has("share")) {
      throw new IllegalArgumentException("corrupt takes share or count, not both");
    }
    return new Corrupt.Count(words.integer("count"));
  }

  private Region region(Words words, String otherwise) {
    String name = words.text("in", otherwise);
    if (name.startsWith("/") && name.endsWith("/") && name.length() > 2) {
      try {
        return new Region.Matching(Pattern.compile(name.substring(1, name.length() - 1)));
      } catch (PatternSyntaxException e) {
        throw new IllegalArgumentException(
            "in=" + name + " is no regular expression: " + e.getDescription(), e);
      }
    }
    if (name.matches("[0-9]{1,6}-[0-9]{1,6}")) {
      int dash = name.indexOf('-');
      return new Region.Span(
          Integer.parseInt(name.substring(0, dash)),
          Integer.parseInt(name.substring(dash + 1)) + 1);
    }
    return switch (name) {
      case "all" -> new Region.All();
      case "answer" -> new AnswerRegion.Answer(answer);
      case "reasoning" -> new AnswerRegion.Reasoning(answer);
      case "all_but_answer" -> new AnswerRegion.AllButAnswer(answer);
      default ->
          throw new IllegalArgumentException(
              "in="
                  + name
                  + " is no region: use all, answer, reasoning, all_but_answer, FIRST-LAST or"
                  + " /REGEX/");
    };
  }

  private StepTransform paraphrase(Words words) {
    Region region = region(words, "all");
    String how = words.text("how", "identity");
    return how.equals("self")
        ? new SelfParaphrase(
            region,
            words.share("share"),
            words.flag("numbers", false),
            words.integer("most", MOST_OWN_WORDS))
        : new Paraphrase(region, paraphraser(how, words));
  }

  private Paraphraser paraphraser(String how, Words words) {
    return switch (how) {
      case "identity" -> new Paraphraser.Identity();
      case "equations" -> new EquationRewriter();
      case "synonyms" -> new Paraphraser.Synonyms(table(words.text("words")));
      case "endpoint" ->
          endpoint.at(words.text("url"), words.text("model"), words.text("key_variable", ""));
      default ->
          throw new IllegalArgumentException(
              "how=" + how + " is unknown: use identity, equations, synonyms, self or endpoint");
    };
  }

  /** {@code old:new,old:new}. */
  private static Map<String, String> table(String text) {
    Map<String, String> table = new LinkedHashMap<>();
    for (String pair : text.split(",", -1)) {
      int colon = pair.indexOf(':');
      if (colon < 1) {
        throw new IllegalArgumentException("words=" + text + " is no list of old:new pairs");
      }
      table.put(pair.substring(0, colon), pair.substring(colon + 1));
    }
    return table;
  }

  private static When when(String text) {
    if (text.matches("step=[0-9]{1,9}")) {
      return new When.Before(Integer.parseInt(text.substring("step=".length())));
    }
    if (text.matches("every=[1-9][0-9]{0,8}")) {
      return new When.Every(Integer.parseInt(text.substring("every=".length())));
    }
    return switch (text) {
      case "block" -> new When.EveryBlock();
      case "round" -> new When.EveryRound();
      default ->
          throw new IllegalArgumentException(
              "when=" + text + " is unknown: use step=N, every=N, block or round");
    };
  }

  private static Words words(JsonNode object) {
    Map<String, String> values = new LinkedHashMap<>();
    object
        .properties()
        .forEach(
            each ->
                values.put(
                    each.getKey(),
                    each.getValue().isString()
                        ? each.getValue().stringValue()
                        : each.getValue().toString()));
    return new Words(values);
  }

  /** Values by name, read one by one; what is left over has no meaning. */
  private static final class Words {
    private final Map<String, String> values;
    private final Set<String> left;

    Words(Map<String, String> values) {
      this.values = values;
      left = new TreeSet<>(values.keySet());
    }

    boolean has(String name) {
      return values.containsKey(name);
    }

    void seen(String name) {
      left.remove(name);
    }

    String text(String name, String otherwise) {
      seen(name);
      return values.getOrDefault(name, otherwise);
    }

    String text(String name) {
      if (!has(name)) {
        throw new IllegalArgumentException(name + " is missing");
      }
      return text(name, "");
    }

    int integer(String name, int otherwise) {
      return has(name) ? integer(name) : otherwise;
    }

    int integer(String name) {
      String text = text(name);
      if (!text.matches("[0-9]{1,9}")) {
        throw new IllegalArgumentException(name + "=" + text + " is no whole number of 0 or above");
      }
      return Integer.parseInt(text);
    }

    double share(String name) {
      String text = text(name, "1");
      if (!text.matches("0|1|0?\\.[0-9]+|[01]\\.0*")) {
        throw new IllegalArgumentException(name + "=" + text + " is no share: use 0 to 1");
      }
      return Double.parseDouble(text);
    }

    boolean flag(String name, boolean otherwise) {
      String text = text(name, String.valueOf(otherwise));
      if (!text.equals("true") && !text.equals("false")) {
        throw new IllegalArgumentException(name + "=" + text + " is neither true nor false");
      }
      return text.equals("true");
    }

    void requireAllKnown(String owner) {
      if (!left.isEmpty()) {
        throw new IllegalArgumentException(owner + " knows no " + String.join(", ", left));
      }
    }
  }
}
