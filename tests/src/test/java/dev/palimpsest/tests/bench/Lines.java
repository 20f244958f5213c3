package dev.palimpsest.tests.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Results: one JSON object a line, on standard output. */
final class Lines {
  private Lines() {}

  /** Prints a result: names and values in turns. */
  static void print(String benchmark, Object... namesAndValues) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("benchmark", benchmark);
    for (int i = 0; i < namesAndValues.length; i += 2) {
      result.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    System.out.println(JsonMapper.shared().writeValueAsString(result));
  }

  static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }
}
