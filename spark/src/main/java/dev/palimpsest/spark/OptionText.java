package dev.palimpsest.spark;

import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Options as they are written in text: {@code steps=32}. */
final class OptionText {
  private OptionText() {}

  /**
   * Options by their reference names.
   *
   * @param texts a name, an equals sign and a value each; dashes in names are underscores
   * @throws IllegalArgumentException naming the first that is none
   */
  static Map<String, Object> parse(List<String> texts) {
    Map<String, Object> options = new LinkedHashMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      if (equals < 1 || equals == text.length() - 1) {
        throw new IllegalArgumentException(
            "\"%s\" is no option: write name=value, as steps=32".formatted(text));
      }
      String name = text.substring(0, equals).replace('-', '_');
      if (options.put(name, SamplingOptions.value(text.substring(equals + 1))) != null) {
        throw new IllegalArgumentException("the option %s is given twice".formatted(name));
      }
    }
    return options;
  }
}
