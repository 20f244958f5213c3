package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Alternative;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A text that is written. A reader that is slower than the steps loses the oldest ones, and never
 * holds them up.
 */
final class Writing extends Work {
  /** Steps that may wait for a reader who wants every one. */
  private static final int MOST_STEPS = 1024;

  /**
   * What a step left behind.
   *
   * @param forwards that were run so far
   * @param settled the end of the text that stands for good
   * @param next where the run is now
   */
  record Step(Snapshot snapshot, int forwards, int settled, Cursor next) {}

  /** Steps that were taken, and how the text ended if it has. */
  record News(List<Step> steps, Optional<Outcome> outcome) {}

  /** A token and what else could have stood there when it was written. */
  record Choice(Commit commit, List<Alternative> alternatives) {}

  private final Job job;
  private final Run run;
  private final Map<Integer, Choice> choices = new ConcurrentHashMap<>();
  private final Deque<Step> steps = new ArrayDeque<>();
  private long leftOut;
  private volatile boolean stopped;

  // The driver's thread's own.
  private Driver.@Nullable Ticket ticket;
  private int taken;
  private int forwards;
  private long firstTokenNanos;

  /** A text that waits. */
  Writing(Place place, Job job) {
    super(place);
    this.job = job;
    run =
        job.logprobs().isPresent() && job.logprobs().getAsInt() > 0
            ? new NamingRun(job.run(), job.logprobs().getAsInt())
            : job.run();
  }

  Job job() {
    return job;
  }

  /**
   * What has happened to the text since the last call, all of one moment: once there is an outcome,
   * no step follows.
   */
  synchronized News takeNews() {
    seen();
    News news = new News(List.copyOf(steps), outcome());
    steps.clear();
    return news;
  }

  /** Steps that no reader will get. */
  synchronized long leftOut() {
    return leftOut;
  }

  /** What was written at a position, if log-probabilities are wanted. */
  Optional<Choice> choice(int position) {
    return Optional.ofNullable(choices.get(position));
  }

  /** A stop string is in it: it leaves before the next step, with what it has. */
  void stop() {
    stopped = true;
  }

  @Override
  boolean isStopped() {
    return stopped;
  }

  @Override
  Optional<Outcome> reasonToLeave() {
    Driver.Ticket own = ticket;
    return stopped && own != null ? Optional.of(result(own)) : super.reasonToLeave();
  }

  @Override
  Driver.Ticket submit(Driver driver) {
    job.recording().ifPresent(Recording::open);
    Driver.Ticket given = driver.submit(run, this::snapshot);
    ticket = given;
    return given;
  }

  private void snapshot(Snapshot snapshot) {
    job.recording().ifPresent(each -> each.snapshot(snapshot));
    Driver.Ticket own = ticket;
    if (own == null) {
      throw new IllegalStateException("a text takes a step before it has begun");
    }
    if (job.logprobs().isPresent()) {
      remember(snapshot);
    }
    if (firstTokenNanos == 0 && !snapshot.commits().isEmpty()) {
      firstTokenNanos = System.nanoTime();
    }
    taken++;
    forwards += snapshot.forwards();
    if (job.maxSteps().isPresent() && taken >= job.maxSteps().getAsInt()) {
      own.cancel();
    }
    if (job.telling() != Job.Telling.NONE) {
      tell(new Step(snapshot, forwards, run.settled(), run.cursor()));
    }
  }

  private void remember(Snapshot snapshot) {
    int[] rows = snapshot.rows();
    for (List<Commit> written : List.of(snapshot.commits(), snapshot.edits())) {
      for (Commit commit : written) {
        int row = Arrays.binarySearch(rows, commit.position());
        // A model that decodes asks the position before.
        int asked = row >= 0 ? row : Arrays.binarySearch(rows, commit.position() - 1);
        List<Alternative> others =
            asked < 0 ? List.of() : snapshot.predictions().get(asked).alternatives();
        choices.put(commit.position(), new Choice(commit, others));
      }
    }
  }

  private synchronized void tell(Step step) {
    if (steps.size() == (job.telling() == Job.Telling.ALL ? MOST_STEPS : 1)) {
      steps.removeFirst();
      leftOut++;
    }
    steps.addLast(step);
    announce();
  }

  @Override
  Outcome result(Driver.Ticket own) {
    return new Outcome.Written(own.generation(), run.cursor());
  }

  /** The trace has what it gets, whatever comes of the text, before anybody hears of the end. */
  @Override
  void close(Outcome outcome, Runnable then) {
    if (job.recording().isEmpty()) {
      then.run();
      return;
    }
    Recording recording = job.recording().get();
    if (outcome instanceof Outcome.Written written) {
      recording.end(written.generation());
    }
    recording.close(then);
  }

  /** When the first token was committed; 0 if none was. */
  long firstTokenNanos() {
    return firstTokenNanos;
  }
}
