package dev.palimpsest.app.compare;

import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Who takes part in a comparison: a model of this process, or a server.
 *
 * <p>As text, a folder or an http address, then options after commas, named as those of {@code
 * generate}: {@code models/abacus-mdm,threshold=0.9}.
 */
sealed interface Contestant {
  /** Seconds that an answer of a server may take where none are given. */
  int TIMEOUT_SECONDS = 600;

  /** What the table calls it: the text it was given as. */
  String label();

  /**
   * A model that is loaded into this process.
   *
   * @param options of its sampler, by their reference names
   */
  record Local(String label, Path folder, Map<String, Object> options) implements Contestant {

    /** The blocks that a model whose attention is in blocks is to run with. */
    Optional<Blocks> blocks() {
      return SamplerDefaults.blocks(options);
    }
  }

  /**
   * A server with OpenAI's chat completions, streamed.
   *
   * @param base up to and without {@code /chat/completions}
   * @param model the name it knows the model by
   * @param maxTokens most tokens of an answer
   * @param temperature of the draw
   * @param keyVariable the environment variable that holds its key, if it wants one; the key itself
   *     is in no contestant, so that nothing can print it
   * @param timeoutSeconds that an answer may take
   */
  record Endpoint(
      String label,
      URI base,
      String model,
      int maxTokens,
      double temperature,
      Optional<String> keyVariable,
      int timeoutSeconds)
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
      options.put(name, SamplingOptions.value(parts[part].substring(equals + 1)));
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
    Object keyVariable = options.remove("api_key_env");
    Object timeout = options.remove("timeout");
    if (model == null
        || !options.isEmpty()
        || (maxTokens != null && !(maxTokens instanceof Integer count && count > 0))
        || (temperature != null && !(temperature instanceof Number))
        || (timeout != null && !(timeout instanceof Integer seconds && seconds > 0))) {
      throw new IllegalArgumentException(
          "the endpoint %s needs model=NAME and takes max_tokens=N, temperature=T, api_key_env=NAME and timeout=SECONDS, no more"
              .formatted(text));
    }
    if (keyVariable != null) {
      requireKey(base, keyVariable.toString());
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
        temperature instanceof Number number ? number.doubleValue() : 0,
        Optional.ofNullable(keyVariable).map(Object::toString),
        timeout instanceof Integer seconds ? seconds : TIMEOUT_SECONDS);
  }

  private static void requireKey(String base, String variable) {
    String key = System.getenv(variable);
    if (key == null || !key.matches("[\\x21-\\x7e]+")) {
      throw new IllegalArgumentException(
          "the environment variable %s, which is to hold the key of the endpoint %s, %s"
              .formatted(
                  variable,
                  base,
                  key == null
                      ? "is not set"
                      : "holds no key: printable characters without spaces"));
    }
  }
}
