package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.AbstractMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The options of one of the samplers; each kind has its own. */
public sealed interface SamplingOptions
    permits LladaOptions,
        DreamOptions,
        RemdmOptions,
        P2Options,
        BlockOptions,
        SubBlockOptions,
        SeededBlockOptions,
        LinearSpecOptions,
        WedlmOptions,
        IsdOptions,
        EntropyBoundOptions,
        DecodeOptions {

  /** The names of all samplers. */
  List<String> SAMPLERS =
      List.of(
          LladaSampler.NAME,
          DreamSampler.NAME,
          RemdmSampler.NAME,
          P2Sampler.NAME,
          BlockSampler.NAME,
          SubBlockSampler.NAME,
          SeededBlockSampler.NAME,
          LinearSpecSampler.NAME,
          WedlmSampler.NAME,
          IsdSampler.NAME,
          EntropyBoundSampler.NAME,
          DecodeSampler.NAME);

  /** What the sampler they are of is called on the command line and in a trace. */
  String samplerName();

  /** Positions to fill, as asked for. */
  int genLength();

  /** Positions that a canvas behind such a prompt has to fill. */
  default int positions(int promptLength) {
    return genLength();
  }

  /** The positions that are asked for, and those up to the end of the last block. */
  static int inWholeBlocks(int promptLength, int genLength, int blockLength) {
    int blocks = Math.ceilDiv(Math.addExact(promptLength, genLength), blockLength);
    return Math.multiplyExact(blocks, blockLength) - promptLength;
  }

  /** Whether tokens alone pass between its steps. */
  default boolean isStrict() {
    return true;
  }

  /**
   * How many of a position's most probable ids pass between its steps, with their probabilities;
   * empty if no probabilities do, or all.
   */
  default OptionalInt alternativesHandedOn() {
    return OptionalInt.empty();
  }

  /** Seed of all randomness. */
  long seed();

  /** The same options with another seed. */
  default SamplingOptions withSeed(long other) {
    Map<String, Object> values = new LinkedHashMap<>(toMap());
    values.put("seed", other);
    return of(samplerName(), values);
  }

  /**
   * The options by their reference names, as {@code gen_length}: numbers, booleans and strings.
   * What is absent is left out, so that {@link #of} gives the same options back.
   */
  Map<String, Object> toMap();

  /**
   * An option's value as it is written in text: a whole number, a number, true or false, a word.
   */
  static Object value(String text) {
    if (text.matches("-?[0-9]{1,9}")) {
      return Integer.valueOf(text);
    }
    if (text.matches("-?[0-9]{10,18}")) {
      return Long.valueOf(text);
    }
    if (text.matches("-?[0-9]*\\.?[0-9]+([eE][+-]?[0-9]+)?")) {
      return Double.valueOf(text);
    }
    if (text.equals("true") || text.equals("false")) {
      return Boolean.valueOf(text);
    }
    return text;
  }

  /** The sampler for a model with these ids. */
  Sampler sampler(SpecialTokens specials);

  /**
   * The reference names of the options that a sampler takes: those it looks for.
   *
   * @throws InvalidOptionException if there is no such sampler
   */
  static Set<String> names(String samplerName) {
    Set<String> names = new LinkedHashSet<>();
    of(
        samplerName,
        new AbstractMap<String, Object>() {
          @Override
          public @Nullable Object get(Object name) {
            names.add(name.toString());
            return null;
          }

          @Override
          public Set<Entry<String, Object>> entrySet() {
            return Set.of();
          }
        });
    return names;
  }

  /**
   * The options of a sampler from their names and values, for instance from a trace; the sampler's
   * defaults where there are none.
   *
   * @throws InvalidOptionException if there is no such sampler or option, or a value is wrong
   */
  static SamplingOptions of(String samplerName, Map<String, ?> values) {
    return switch (samplerName) {
      case LladaSampler.NAME -> LladaOptions.of(values);
      case DreamSampler.NAME -> DreamOptions.of(values);
      case RemdmSampler.NAME -> RemdmOptions.of(values);
      case P2Sampler.NAME -> P2Options.of(values);
      case BlockSampler.NAME -> BlockOptions.of(values);
      case SubBlockSampler.NAME -> SubBlockOptions.of(values);
      case SeededBlockSampler.NAME -> SeededBlockOptions.of(values);
      case LinearSpecSampler.NAME -> LinearSpecOptions.of(values);
      case WedlmSampler.NAME -> WedlmOptions.of(values);
      case IsdSampler.NAME -> IsdOptions.of(values);
      case EntropyBoundSampler.NAME -> EntropyBoundOptions.of(values);
      case DecodeSampler.NAME -> DecodeOptions.of(values);
      default ->
          throw new InvalidOptionException(
              "sampler", samplerName, "is unknown: use one of " + String.join(", ", SAMPLERS));
    };
  }
}
