package dev.palimpsest.app;

import dev.palimpsest.app.generate.GenerateCommand;
import dev.palimpsest.app.intervention.InsideOptions;
import dev.palimpsest.app.options.AnswerOptions;
import dev.palimpsest.app.options.DeviceOptions;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.PromptOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.options.ThreadOptions;
import dev.palimpsest.app.trace.TraceDetail;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The help of a command: its options in groups with headings, and examples at its end. An option is
 * of the group of the class that declares it; those of one sampler alone are of that sampler's.
 */
final class GroupedHelp extends Help {
  private static final String OWN = "Options";
  private static final String SHARED =
      "Sampler; in brackets, the samplers that an option is of, if not of all";
  private static final Map<Class<?>, String> GROUPS =
      Map.ofEntries(
          Map.entry(ModelOptions.class, "Model"),
          Map.entry(PromptOptions.class, "Prompt"),
          Map.entry(SpecialTokenOptions.class, "Prompt"),
          Map.entry(SamplerOptions.class, SHARED),
          Map.entry(TraceOptions.class, "Trace"),
          Map.entry(TraceDetail.class, "Trace"),
          Map.entry(DeviceOptions.class, "Machine"),
          Map.entry(ThreadOptions.class, "Machine"),
          Map.entry(AnswerOptions.class, "Answer"),
          Map.entry(GenerateCommand.class, "Steps and output"),
          Map.entry(InsideOptions.class, "Steps and output"),
          Map.entry(Main.class, "General"));

  /** The groups before and behind those of the samplers, in the order in which they are shown. */
  private static final List<String> BEFORE = List.of(OWN, "Prompt", "Answer", "Model", SHARED);

  private static final List<String> BEHIND =
      List.of("Steps and output", "Trace", "Machine", "General");

  GroupedHelp(CommandSpec spec, ColorScheme colors) {
    super(spec, colors);
  }

  /** The options are listed below; here are those that have to be given. */
  @Override
  public String synopsis(int headingLength) {
    String required =
        commandSpec().options().stream()
            .filter(OptionSpec::required)
            .map(option -> " " + option.longestName() + "=" + option.paramLabel())
            .collect(Collectors.joining());
    return abbreviatedSynopsis().replace("[OPTIONS]", "[OPTIONS]" + required);
  }

  @Override
  public String commandListHeading(Object... parameters) {
    return commandSpec().subcommands().isEmpty() ? "" : "%nCommands:%n".formatted();
  }

  @Override
  public String optionListHeading(Object... parameters) {
    return "";
  }

  @Override
  public String optionList() {
    StringBuilder text = new StringBuilder();
    groups(commandSpec())
        .forEach(
            (heading, options) -> {
              Layout layout = createDefaultLayout();
              layout.addOptions(options, createDefaultParamLabelRenderer());
              text.append("%n%s:%n%s".formatted(heading, layout));
            });
    return text.toString();
  }

  @Override
  public String footer(Object... parameters) {
    List<String> examples = Examples.of(commandSpec().qualifiedName());
    return examples.isEmpty()
        ? ""
        : "%nExample%s:%n  %s%n"
            .formatted(examples.size() == 1 ? "" : "s", String.join("%n  ".formatted(), examples));
  }

  /** The options by the headings of their groups, in the order in which they are shown. */
  static Map<String, List<OptionSpec>> groups(CommandSpec command) {
    Map<String, List<OptionSpec>> groups = new LinkedHashMap<>();
    BEFORE.forEach(heading -> groups.put(heading, new ArrayList<>()));
    Map<String, String> samplers = onlyOf();
    SamplingOptions.SAMPLERS.forEach(name -> groups.put(ofSampler(name), new ArrayList<>()));
    BEHIND.forEach(heading -> groups.put(heading, new ArrayList<>()));
    command.options().stream()
        .filter(option -> !option.hidden())
        .sorted(Comparator.comparing(GroupedHelp::place))
        .forEach(
            option ->
                groups
                    .computeIfAbsent(group(option, samplers), _ -> new ArrayList<>())
                    .add(option));
    groups.values().removeIf(List::isEmpty);
    return groups;
  }

  /**
   * Sorts options within a group: those of samplers as they are declared, others by their names.
   */
  private static String place(OptionSpec option) {
    return owner(option) == SamplerOptions.class ? "" : option.longestName();
  }

  private static String group(OptionSpec option, Map<String, String> samplers) {
    Class<?> owner = owner(option);
    if (owner == SamplerOptions.class) {
      String sampler = samplers.get(option.longestName());
      return sampler == null ? SHARED : ofSampler(sampler);
    }
    boolean general = option.usageHelp() || option.versionHelp();
    return general ? "General" : GROUPS.getOrDefault(owner, OWN);
  }

  private static Class<?> owner(OptionSpec option) {
    return option.userObject() instanceof Field field ? field.getDeclaringClass() : Void.class;
  }

  private static String ofSampler(String name) {
    return "Sampler " + name;
  }

  /** The options that one sampler alone takes, by their names on the command line. */
  private static Map<String, String> onlyOf() {
    Map<String, String> only = new TreeMap<>();
    Map<String, Integer> takers = new TreeMap<>();
    for (String sampler : SamplingOptions.SAMPLERS) {
      for (String name : SamplingOptions.names(sampler)) {
        String dashed = SamplerOptions.dashed(name);
        only.put(dashed, sampler);
        takers.merge(dashed, 1, Integer::sum);
      }
    }
    only.keySet().removeIf(name -> takers.getOrDefault(name, 0) > 1);
    return only;
  }
}
