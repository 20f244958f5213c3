package dev.palimpsest.lab.battery.part;

import dev.palimpsest.sampler.intervention.Language;
import java.util.List;
import java.util.Optional;

/** Tokens that say nothing. */
public final class Fillers {
  /** What Lanham et al. use comes first; then what other vocabularies have. */
  private static final List<String> CANDIDATES = List.of(" ...", "...", " .", ".", "\u2026");

  private Fillers() {}

  /** The first usual filler that is one token of a language. */
  public static Optional<String> usual(Language language) {
    return CANDIDATES.stream().filter(each -> language.id(each).isPresent()).findFirst();
  }

  /**
   * The id of a filler.
   *
   * @throws IllegalArgumentException if it is not one token
   */
  static int id(Language language, String filler) {
    return language
        .id(filler)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "the filler '" + filler + "' is not one token: use a text that is"));
  }
}
