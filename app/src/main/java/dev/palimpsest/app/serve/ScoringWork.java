package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Scoring;

/** A text that is scored. */
final class ScoringWork extends Work {
  private final Scoring scoring;

  ScoringWork(Place place, Scoring scoring) {
    super(place);
    this.scoring = scoring;
  }

  @Override
  Driver.Ticket submit(Driver driver) {
    return driver.submit(scoring);
  }

  @Override
  Outcome result(Driver.Ticket ticket) {
    return new Outcome.Scored(scoring);
  }
}
