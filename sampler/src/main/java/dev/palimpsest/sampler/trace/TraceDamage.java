package dev.palimpsest.sampler.trace;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What is wrong with a trace.
 *
 * @param record number of the record, the header is 1: the line of the (unpacked) file
 * @param kind whether the file ends early or says something wrong
 * @param problem in words
 */
public record TraceDamage(int record, Kind kind, String problem) {
  /** How bad it is. */
  public enum Kind {
    /** The records before it are whole: a run that was cut off. */
    ENDS_EARLY,
    /** A record is not what was written. */
    ALTERED
  }

  /** Refuses what was read of a file where a record is not what was written. */
  static void requireUnaltered(Path file, Optional<TraceDamage> damage) {
    damage
        .filter(each -> each.kind() == Kind.ALTERED)
        .ifPresent(
            each -> {
              throw new TraceException(
                  "%s: record %d: %s.".formatted(file, each.record(), each.problem()));
            });
  }
}
