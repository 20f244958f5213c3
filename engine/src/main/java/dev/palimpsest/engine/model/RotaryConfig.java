package dev.palimpsest.engine.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads rotary positions from wherever a configuration has them: at the top level, as Transformers
 * wrote them up to version 4, in {@code rope_scaling} beside or instead of that, or in {@code
 * rope_parameters}, as version 5 writes them. Files that were converted by half have several, which
 * must then say the same.
 */
final class RotaryConfig {
  private static final String THETA = "rope_theta";
  private static final String PART = "partial_rotary_factor";
  private static final String TRAINED = "original_max_position_embeddings";
  private static final String GROWTH = "llama_4_scaling_beta";
  private static final String SCALING = "rope_scaling";
  private static final String PARAMETERS = "rope_parameters";

  /** Keys that one kind of scaling reads and another does not. */
  private static final Set<String> SCALING_KEYS =
      Set.of(
          "factor",
          "low_freq_factor",
          "high_freq_factor",
          TRAINED,
          "beta_fast",
          "beta_slow",
          "attention_factor",
          "mscale",
          "mscale_all_dim",
          "truncate");

  private final Config config;
  private final Optional<Config> scaling;
  private final Optional<Config> parameters;
  private final List<Config> places;
  private final int maxLength;

  private RotaryConfig(Config config, int maxLength) {
    this.config = config;
    this.maxLength = maxLength;
    scaling = config.object(SCALING);
    parameters = config.object(PARAMETERS);
    places = new ArrayList<>(List.of(config));
    scaling.ifPresent(places::add);
    parameters.ifPresent(places::add);
  }

  /**
   * The rotary positions of a model.
   *
   * @param defaultTheta where no place has {@code rope_theta}; if empty, that is refused
   * @param isPartial whether the family may rotate a part of a head
   * @param maxLength {@code max_position_embeddings}
   */
  static Rotary read(
      Config config,
      Optional<Double> defaultTheta,
      int headSize,
      boolean isPartial,
      int maxLength) {
    RotaryConfig reader = new RotaryConfig(config, maxLength);
    double theta =
        reader
            .agreed(THETA, place -> place.positive(THETA))
            .or(() -> defaultTheta)
            .orElseGet(() -> config.positive(THETA));
    int size = reader.size(headSize, isPartial);
    Optional<Rotary.Growth> growth = reader.growth(size == headSize);
    Rotary rotary = new Rotary(theta, size, reader.agreedScaling(), growth);
    reader.requireAllRead();
    return rotary;
  }

  /** The value of a key, on which all places that have it must agree. */
  private <T> Optional<T> agreed(String key, Function<Config, T> value) {
    List<Config> having = places.stream().filter(place -> place.isGiven(key)).toList();
    List<T> values = having.stream().map(value).toList();
    for (int i = 1; i < values.size(); i++) {
      if (!values.get(i).equals(values.getFirst())) {
        throw having.getFirst().contradicts(key, having.get(i), key);
      }
    }
    return values.stream().findFirst();
  }

  private int size(int headSize, boolean isPartial) {
    double part = agreed(PART, place -> place.positive(PART)).orElse(1.0);
    Config place = places.stream().filter(each -> each.isGiven(PART)).findFirst().orElse(config);
    if (!isPartial && part != 1) {
      throw place.lacks(PART, "whole heads that are rotated");
    }
    int size = (int) (headSize * part);
    if (size < 2 || size % 2 != 0 || size > headSize) {
      throw place.bad(PART, "an even part of a head of " + headSize);
    }
    if (config.isGiven("rotary_dim") && config.integer("rotary_dim", 1, headSize) != size) {
      throw config.bad("rotary_dim", "the rotated part of a head, " + size);
    }
    return size;
  }

  private Optional<Rotary.Growth> growth(boolean isWhole) {
    Optional<Double> beta = agreed(GROWTH, place -> place.positive(GROWTH));
    if (beta.isPresent() && !isWhole) {
      throw places.stream()
          .filter(each -> each.isGiven(GROWTH))
          .findFirst()
          .orElse(config)
          .lacks(GROWTH, "it beside heads that are rotated whole");
    }
    return beta.map(each -> new Rotary.Growth(each, trainedLength()));
  }

  private RotaryScaling agreedScaling() {
    Optional<RotaryScaling> first = scaling.map(this::scaling);
    Optional<RotaryScaling> second = parameters.map(this::scaling);
    if (first.isPresent() && second.isPresent() && !first.equals(second)) {
      throw config.contradicts(SCALING, config, PARAMETERS);
    }
    return first.or(() -> second).orElseGet(RotaryScaling.None::new);
  }

  private RotaryScaling scaling(Config place) {
    String type = type(place);
    RotaryScaling read =
        switch (type) {
          case "default" -> new RotaryScaling.None();
          case "linear" -> new RotaryScaling.Linear(place.positive("factor"));
          case "dynamic" -> new RotaryScaling.Dynamic(place.positive("factor"), maxLength);
          case "llama3" -> llama3(place);
          case "yarn" -> yarn(place);
          default ->
              throw place.lacks(
                  place.isGiven("rope_type") ? "rope_type" : "type",
                  "default, linear, dynamic, llama3 and yarn");
        };
    for (String key : place.unread()) {
      if (!SCALING_KEYS.contains(key)) {
        throw place.lacks(key, "no such key in " + place.at("").replaceAll("\\.$", ""));
      }
      place.unused(key, "a scaling of the kind " + type + " has no use for it here");
    }
    return read;
  }

  private static String type(Config place) {
    Optional<String> type = place.string("rope_type");
    Optional<String> old = place.string("type");
    if (type.isPresent() && old.isPresent() && !type.equals(old)) {
      throw place.contradicts("rope_type", place, "type");
    }
    return type.or(() -> old).orElse("default");
  }

  private RotaryScaling llama3(Config place) {
    double low = place.positive("low_freq_factor");
    double high = place.positive("high_freq_factor");
    if (!(high > low)) {
      throw place.bad("high_freq_factor", "more than low_freq_factor " + low);
    }
    return new RotaryScaling.Llama3(place.positive("factor"), low, high, trainedLength());
  }

  private RotaryScaling yarn(Config place) {
    int trained = trainedLength();
    double factor =
        place.isNull("factor") ? (double) maxLength / trained : place.positive("factor");
    double magnitude;
    if (place.isGiven("attention_factor")) {
      magnitude = place.positive("attention_factor");
    } else if (place.isGiven("mscale") && place.isGiven("mscale_all_dim")) {
      magnitude =
          RotaryScaling.Yarn.magnitude(factor, place.positive("mscale"))
              / RotaryScaling.Yarn.magnitude(factor, place.positive("mscale_all_dim"));
    } else {
      magnitude = RotaryScaling.Yarn.magnitude(factor, 1);
    }
    return new RotaryScaling.Yarn(
        factor,
        place.positiveOr("beta_fast", 32),
        place.positiveOr("beta_slow", 1),
        trained,
        place.boolOr("truncate", true),
        magnitude);
  }

  private int trainedLength() {
    return agreed(TRAINED, place -> place.integer(TRAINED, 1, Config.MAX_COUNT)).orElse(maxLength);
  }

  /** Refuses keys of rotary positions that nothing has read: a default would stand in for them. */
  private void requireAllRead() {
    for (String key : config.unread()) {
      String name = key.toLowerCase(Locale.ROOT);
      if (key.equals(TRAINED)) {
        config.unused(key, "no scaling of rotary positions needs it");
      } else if ((name.contains("rope") || name.contains("rotary")) && !config.isFalse(key)) {
        throw config.lacks(key, String.join(", ", THETA, SCALING, PARAMETERS, PART));
      }
    }
  }
}
