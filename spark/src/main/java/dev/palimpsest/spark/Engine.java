package dev.palimpsest.spark;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.Prompt;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Driver.Ticket;
import dev.palimpsest.sampler.run.Request;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model and the one thread that uses it. Tasks hand in prompts; those of all tasks take their
 * steps together. The thread loads the model and closes it.
 */
final class Engine {
  /** Rows keep the columns that they are known by. */
  private static final String NO_ID = "";

  private final String name;
  private final IntSupplier atOnce;
  private final BlockingQueue<Job> arrived = new LinkedBlockingQueue<>();
  private final Map<Ticket, Writing> underWay = new LinkedHashMap<>();
  private final CompletableFuture<LanguageModel> loaded = new CompletableFuture<>();
  private final Thread thread;
  private volatile boolean closed;
  private volatile @Nullable Throwable end;

  /**
   * Starts to load a model.
   *
   * @param name of the model in messages
   * @param source called once, on the engine's thread
   * @param atOnce the most texts that are written together, asked for before every step
   */
  Engine(String name, Supplier<LanguageModel> source, IntSupplier atOnce) {
    this.name = name;
    this.atOnce = atOnce;
    thread = Thread.ofPlatform().daemon().name("palimpsest-engine").start(() -> work(source));
  }

  /** The model when it is loaded; exceptional if it cannot be. */
  CompletableFuture<LanguageModel> loaded() {
    return loaded;
  }

  /** Whether it takes no more prompts: it was closed, or its model failed. */
  boolean isOver() {
    return end != null;
  }

  /**
   * Lets a text be written.
   *
   * @param options by their reference names
   * @return the completion, which holds an error if the prompt or its options are wrong;
   *     exceptional if the model failed. Cancelling it lets the text leave before the next step
   */
  CompletableFuture<Completion> submit(Prompt prompt, Map<String, Object> options) {
    Job job = new Job(prompt, options, new CompletableFuture<>());
    arrived.add(job);
    if (isOver()) {
      failArrived();
    }
    return job.completion;
  }

  /** Ends what is under way after the step, frees the model and waits for that. */
  void close() {
    closed = true;
    thread.interrupt();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void work(Supplier<LanguageModel> source) {
    Throwable reason = new CancellationException("it was closed");
    try (LanguageModel model = source.get()) {
      loaded.complete(model);
      serve(model);
    } catch (InterruptedException e) {
      // It was closed.
    } catch (RuntimeException | Error failure) {
      reason = closed ? reason : failure;
    } finally {
      end = reason;
      loaded.completeExceptionally(reason);
      underWay.values().forEach(writing -> fail(writing.completion));
      failArrived();
    }
  }

  private void serve(LanguageModel model) throws InterruptedException {
    Driver driver = new Driver(model.model().transformer());
    while (true) {
      admit(arrived.take(), driver, model);
      driver.run(
          () -> {
            settle(model);
            admitMore(driver, model);
            return Thread.currentThread().isInterrupted();
          });
      settle(model);
    }
  }

  private void admitMore(Driver driver, LanguageModel model) {
    int most = atOnce.getAsInt();
    while (underWay.size() < most) {
      Job next = arrived.poll();
      if (next == null) {
        return;
      }
      admit(next, driver, model);
    }
  }

  private void admit(Job job, Driver driver, LanguageModel model) {
    if (job.completion.isCancelled()) {
      return;
    }
    Request request;
    try {
      request = model.request(job.prompt, job.options, SnapshotListener.NONE);
    } catch (RuntimeException refusal) {
      long seed = job.options.get("seed") instanceof Number number ? number.longValue() : 0;
      job.completion.complete(refused(refusal, seed));
      return;
    }
    underWay.put(
        driver.submit(request.run(), request.listener()),
        new Writing(job.completion, request.run().sampler().options().seed()));
  }

  /** Hands over what is done, and lets go what nobody waits for. */
  private void settle(LanguageModel model) {
    Iterator<Map.Entry<Ticket, Writing>> each = underWay.entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<Ticket, Writing> entry = each.next();
      Ticket ticket = entry.getKey();
      Writing writing = entry.getValue();
      if (writing.completion.isCancelled()) {
        ticket.cancel();
        each.remove();
      } else if (ticket.isOver()) {
        writing.completion.complete(completion(ticket, writing.seed, model));
        each.remove();
      }
    }
  }

  private static Completion completion(Ticket ticket, long seed, LanguageModel model) {
    return ticket
        .failure()
        .map(failure -> refused(failure, seed))
        .orElseGet(() -> Completion.of(NO_ID, model.text(ticket.generation()), seed));
  }

  private static Completion refused(RuntimeException refusal, long seed) {
    return Completion.failed(NO_ID, seed, why(refusal));
  }

  private static String why(@Nullable Throwable failure) {
    return failure == null || failure.getMessage() == null
        ? String.valueOf(failure)
        : failure.getMessage();
  }

  private void failArrived() {
    for (Job job = arrived.poll(); job != null; job = arrived.poll()) {
      fail(job.completion);
    }
  }

  private void fail(CompletableFuture<Completion> completion) {
    completion.completeExceptionally(
        new IllegalStateException("the model " + name + " stopped: " + why(end), end));
  }

  /** A text to be written. */
  private record Job(
      Prompt prompt, Map<String, Object> options, CompletableFuture<Completion> completion) {}

  /** A text that is being written. */
  private record Writing(CompletableFuture<Completion> completion, long seed) {}
}
