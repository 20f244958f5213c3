package dev.palimpsest.step;

import java.util.Optional;

/**
 * What one sequence asks of a step that may hand on more than tokens.
 *
 * @param query as of any step
 * @param carried what goes on from step to step; empty for a sequence of which tokens alone do
 */
public record SoftQuery(Query query, Optional<Carried> carried) {

  /**
   * What goes on from step to step.
   *
   * @param state receives what this step leaves, at the temperature of the query's draw; what it
   *     held is read before
   * @param told whether the step is told what the state holds; a first step is not
   */
  public record Carried(SoftState state, boolean told) {}
}
