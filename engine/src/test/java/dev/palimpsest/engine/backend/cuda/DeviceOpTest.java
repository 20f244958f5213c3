package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Operations declare what their kernels take: compared with the sources and their README. */
final class DeviceOpTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("palimpsest.home", ".."), "kernels-cu");

  /** {@code #define ATTENTION_ARGUMENTS(T) const T *q, …}: parameters that kernels share. */
  private static final Pattern SHARED =
      Pattern.compile("#define (\\w+_ARGUMENTS)\\(T\\)((?:.*\\\\\n)*.*)");

  private static final Pattern DEFINITION =
      Pattern.compile(
          "extern \"C\" __global__ void\\s+(?:__launch_bounds__\\([^)]*\\)\\s+)?([a-z_0-9#hD]+)"
              + "\\((?:(\\w+_ARGUMENTS)\\(\\w+\\)|([^)]*))\\)");

  private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)`[^|]*\\| `([^`]*)`");
  private static final Pattern PARAMETER =
      Pattern.compile("(?:const )?(\\w+(?: long)?)( ?\\*)? ?\\b(\\w+)");

  private static final String SOURCE = source();
  private static final Map<String, List<String>> SOURCES = sources();
  private static final Map<String, List<String>> README = readme();

  private static String source() {
    StringBuilder all = new StringBuilder();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path file : files.filter(each -> each.toString().contains(".cu")).sorted().toList()) {
        all.append(Files.readString(file)).append('\n');
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return all.toString();
  }

  private static Map<String, List<String>> sources() {
    Map<String, String> shared = new HashMap<>();
    SHARED
        .matcher(SOURCE)
        .results()
        .forEach((MatchResult each) -> shared.put(each.group(1), each.group(2)));
    Map<String, List<String>> kernels = new HashMap<>();
    Matcher matcher = DEFINITION.matcher(SOURCE);
    while (matcher.find()) {
      String list =
          matcher.group(2) == null ? matcher.group(3) : shared.getOrDefault(matcher.group(2), "");
      kernels.put(matcher.group(1), parameters(list.replace("\\\n", " ")));
    }
    return kernels;
  }

  private static Map<String, List<String>> readme() {
    try {
      Map<String, List<String>> kernels = new HashMap<>();
      ROW.matcher(Files.readString(FOLDER.resolve("README.md")))
          .results()
          .forEach(
              (MatchResult row) ->
                  kernels.put(
                      row.group(1),
                      parameters(row.group(2).replaceAll("\\[[^]]*]|\\([^)]*\\)", ""))));
      return kernels;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Each as {@code pointer x}, {@code int columns}. */
  private static List<String> parameters(String list) {
    List<String> result = new ArrayList<>();
    for (String each : list.strip().split("\\s*,\\s*", -1)) {
      Matcher matcher = PARAMETER.matcher(each.replaceAll("\\s+", " "));
      assertThat(matcher.lookingAt()).as("a parameter: " + each).isTrue();
      String type = matcher.group(2) == null ? matcher.group(1) : "pointer";
      result.add(type.replace("long long", "long") + " " + matcher.group(3));
    }
    return result;
  }

  private static List<String> declared(DeviceOp op) {
    Function<Parameter, String> type =
        each ->
            switch (each.kind()) {
              case ADDRESS, INPUT -> "pointer";
              case INT -> "int";
              case LONG -> "long";
              case FLOAT -> "float";
            };
    return op.parameters().stream().map(each -> type.apply(each) + " " + each.name()).toList();
  }

  /** How the sources name an operation's kernels. */
  private static List<String> sourceNames(DeviceOp op) {
    String name = op.kernel();
    return switch (op) {
      case ATTENTION, ATTENTION_SPLIT -> List.of(name + "_bf16_h##D", name + "_f32_h##D");
      case EXPERT_LINEAR, ROUTER -> List.of(name + "_bf16", name + "_f32");
      default -> List.of(op.isTyped() ? name + "_##name" : name);
    };
  }

  @ParameterizedTest
  @EnumSource
  void anOperationDeclaresTheParametersOfItsKernelsSource(DeviceOp op) {
    for (String name : sourceNames(op)) {
      assertThat(SOURCES).containsKey(name);
      assertThat(declared(op)).as(name).isEqualTo(SOURCES.get(name));
    }
  }

  @ParameterizedTest
  @EnumSource
  void theReadmeOfTheKernelsNamesTheSameParameters(DeviceOp op) {
    String name = op.kernel() + (op.isTyped() ? "_T" : "") + (op.isSized() ? "_hD" : "");
    assertThat(README).containsKey(name);
    assertThat(declared(op)).as(name).isEqualTo(README.get(name));
  }

  @ParameterizedTest
  @EnumSource
  void aKernelWaitsForTheLaunchAheadBeforeAnythingElse(DeviceOp op) {
    for (String name : sourceNames(op)) {
      assertThat(
              Pattern.compile("\\b" + name + "\\([^{]*\\{[\\s\\\\]*awaitEarlierLaunch\\(\\);")
                  .matcher(SOURCE)
                  .find())
          .as(name)
          .isTrue();
    }
  }

  @Test
  void everyKernelOfTheSourcesIsLaunched() {
    assertThat(SOURCES.keySet())
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(DeviceOp.values())
                .flatMap(op -> sourceNames(op).stream())
                .distinct()
                .toList());
  }
}
