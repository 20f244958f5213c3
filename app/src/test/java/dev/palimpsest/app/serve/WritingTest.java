package dev.palimpsest.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What the driver's thread tells reaches the request's thread, whenever that looks. */
final class WritingTest {
  private static final int STEPS = 3;
  private static final Denoiser SURE =
      queries ->
          queries.stream()
              .map(
                  query ->
                      Arrays.stream(query.rows())
                          .mapToObj(_ -> new Prediction(5, 0.9, 5, 0.9, 0.05, 0, 0.1))
                          .toList())
              .toList();

  @Test
  void theEndOfATextIsHeardOfHoweverTheThreadsMeet() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int text = 0; text < 20_000; text++) {
        BlockingQueue<Work> news = new LinkedBlockingQueue<>();
        Writing writing = writing(news);
        Future<?> driver = threads.submit(() -> write(writing));
        int heard = 0;
        Optional<Outcome> outcome = Optional.empty();
        while (outcome.isEmpty()) {
          assertThat(news.poll(20, TimeUnit.SECONDS)).as("text %d", text).isSameAs(writing);
          Writing.News told = writing.takeNews();
          heard += told.steps().size();
          outcome = told.outcome();
        }
        driver.get();
        assertThat(heard).as("text %d", text).isEqualTo(STEPS);
        assertThat(outcome.get()).isInstanceOf(Outcome.Written.class);
      }
    }
  }

  private static Writing writing(BlockingQueue<Work> news) {
    SamplerRun run =
        new SamplerRun(
            LladaOptions.builder()
                .genLength(STEPS)
                .blockLength(STEPS)
                .steps(STEPS)
                .build()
                .sampler(new SpecialTokens(0, 1, OptionalInt.empty())),
            new int[] {4},
            STEPS);
    return new Writing(
        new Work.Place(0, () -> false, Long.MAX_VALUE, news),
        new Job(
            run,
            TextRange.behindPrompt(run),
            List.of(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            Job.Telling.ALL,
            Optional.empty()));
  }

  /** As the driver's thread does. */
  private static void write(Writing writing) {
    Driver driver = new Driver(SURE);
    Driver.Ticket ticket = writing.begin(driver);
    while (!ticket.isOver()) {
      driver.step();
    }
    writing.end(writing.ended(ticket));
  }
}
