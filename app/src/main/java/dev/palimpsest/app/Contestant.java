package dev.palimpsest.app;

import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Who takes part in a comparison: a model of this process, or a server.
 *
 * <p>As text, a folder or an http address, then options after commas, named as those of {@code
 * generate}: {@code models/abacus-mdm,threshold=0.9}.
 */
sealed interface Contestant {
  /** What the table calls it: the text it was given as. */
  String label();

  /**
   * A model that is loaded into this process.
   *
   * @param options of its sampler, by their reference names
   */
  record Local(String label, Path folder, Map<String, Object> options) implements Contestant {

    /** The length that a block-causal model is to run with; what is no length is left out. */
    OptionalInt blockLength() {
      return options.get("block_length") instanceof Integer length && length > 0
          ? OptionalInt.of(length)
          : OptionalInt.empty();
    }
  }

  /**
   * A server with OpenAI's chat completions, streamed.
   *
   * @param base up to and without {@code /chat/completions}
   * @param model the name it knows the model by
   * @param maxTokens most tokens of an answer
   * @param temperature of the draw
   */
  record Endpoint(String label, URI base, String model, int maxTokens, double temperature)
      implements Contestant {}

  /**
   * Reads a contestant.
   *
   * @throws IllegalArgumentException in a sentence, if the text is none
   */
  static Contestant parse(String text) {
    String[] parts = text.split(",", -1);
    Map<String, Object> options = new LinkedHashMap<>();
    for (int part = 1; part < parts.length; part++) {
      int equals = parts[part].indexOf('=');
      if (equals < 1 || equals == parts[part].length() - 1) {
        throw new IllegalArgumentException(
            "\"%s\" of the contestant %s is no option: write name=value"
                .formatted(parts[part], text));
      }
      String name = parts[part].substring(0, equals).replace('-', '_');
      options.put(name, value(parts[part].substring(equals + 1)));
    }
    if (parts[0].startsWith("http://") || parts[0].startsWith("https://")) {
      return endpoint(text, parts[0], options);
    }
    return new Local(text, Path.of(parts[0]), options);
  }

  private static Endpoint endpoint(String text, String base, Map<String, Object> options) {
    Object model = options.remove("model");
    Object maxTokens = options.remove("max_tokens");
    Object temperature = options.remove("temperature");
    if (model == null
        || !options.isEmpty()
        || (maxTokens != null && !(maxTokens instanceof Integer))
        || (temperature != null && !(temperature instanceof Number))) {
      throw new IllegalArgumentException(
          "the endpoint %s needs model=NAME and takes max_tokens=N and temperature=T, no more"
              .formatted(text));
    }
    URI address = URI.create(base.replaceFirst("/+$", ""));
    if (address.getHost() == null) {
      throw new IllegalArgumentException(
          "the endpoint %s names no host: write http://HOST:PORT/PATH".formatted(text));
    }
    return new Endpoint(
        text,
        address,
        model.toString(),
        maxTokens instanceof Integer count ? count : 128,
        temperature instanceof Number number ? number.doubleValue() : 0);
  }

  /** A whole number, a number, true or false, or a word. */
  private static Object value(String text) {
    if (text.matches("-?[0-9]{1,9}")) {
      return Integer.valueOf(text);
    }
    if (text.matches("-?[0-9]{10,18}")) {
      return Long.valueOf(text);
    }
    if (text.matches("-?[0-9]*\\.?[0-9]+([eE]-?[0-9]+)?")) {
      return Double.valueOf(text);
    }
    if (text.equals("true") || text.equals("false")) {
      return Boolean.valueOf(text);
    }
    return text;
  }
}
