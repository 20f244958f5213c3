package dev.palimpsest.lab.battery;

import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * One driver under many problems. Each problem has a thread of its own, whose code reads from top
 * to bottom: it asks for generations and waits for them. The calling thread owns the model, and
 * takes a step whenever all others wait, so that what they ask for shares forwards.
 */
final class Bench {
  private final Denoiser denoiser;
  private final long maxTokens;
  private final BlockingQueue<Message> messages = new LinkedBlockingQueue<>();
  private volatile boolean over;

  /**
   * A bench, for one call of {@link #each}.
   *
   * @param maxTokens bound on the tokens of a forward; changes no result
   */
  Bench(Denoiser denoiser, long maxTokens) {
    this.denoiser = denoiser;
    this.maxTokens = maxTokens;
  }

  /** Takes a run to its end. Called by a problem's thread, as the next two are. */
  Generation finish(Run run) {
    return finish(List.of(Request.of(run, SnapshotListener.NONE))).getFirst();
  }

  /** Takes requests to their ends together, and gives what they wrote in their order. */
  List<Generation> finish(List<Request> requests) {
    return requests.isEmpty() ? List.of() : ask(new Texts(requests));
  }

  /** The model's answers to queries. */
  List<List<Prediction>> predict(List<Query> queries) {
    return queries.isEmpty() ? List.of() : ask(new Queries(queries, new CompletableFuture<>()));
  }

  private <T> T ask(Question<T> question) {
    messages.add(question);
    if (over) {
      question.answer().completeExceptionally(ended());
    }
    try {
      return question.answer().join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  /**
   * Does something with every item, so many at once.
   *
   * @param work on a thread of the item's own; what it throws ends everything
   * @param done is told of each on the calling thread, in the order in which they end
   * @throws CancellationException if the calling thread is interrupted
   */
  <T, R> void each(Iterator<T> items, int atOnce, Function<T, R> work, BiConsumer<T, R> done) {
    Driver driver = new Driver(denoiser, maxTokens);
    Map<Driver.Ticket, Place> underWay = new LinkedHashMap<>();
    List<Queries> queries = new ArrayList<>();
    try {
      int open = 0;
      int busy = 0;
      do {
        while (open < atOnce && items.hasNext()) {
          T item = items.next();
          Thread.ofVirtual().start(() -> messages.add(result(item, work, done)));
          open++;
          busy++;
        }
        while (busy > 0) {
          busy--;
          switch (next()) {
            case Texts texts -> submit(texts, driver, underWay);
            case Queries asked -> queries.add(asked);
            case End end -> {
              open--;
              end.handOver().run();
            }
          }
        }
        if (Thread.currentThread().isInterrupted()) {
          throw ended();
        }
        busy += answer(queries);
        if (busy == 0) {
          driver.step();
          busy += answer(underWay);
        }
      } while (open > 0 || items.hasNext());
    } finally {
      over = true;
      underWay.values().forEach(place -> place.texts().answer().completeExceptionally(ended()));
      queries.forEach(each -> each.answer().completeExceptionally(ended()));
      for (Message left = messages.poll(); left != null; left = messages.poll()) {
        if (left instanceof Question<?> question) {
          question.answer().completeExceptionally(ended());
        }
      }
    }
  }

  private static <T, R> End result(T item, Function<T, R> work, BiConsumer<T, R> done) {
    try {
      R result = work.apply(item);
      return new End(() -> done.accept(item, result));
    } catch (RuntimeException | Error thrown) {
      return new End(
          () -> {
            throw thrown;
          });
    }
  }

  private Message next() {
    try {
      return messages.take();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw ended();
    }
  }

  private static CancellationException ended() {
    return new CancellationException("the battery was interrupted");
  }

  private static void submit(Texts texts, Driver driver, Map<Driver.Ticket, Place> underWay) {
    for (int index = 0; index < texts.requests.size(); index++) {
      Request request = texts.requests.get(index);
      underWay.put(driver.submit(request.run(), request.listener()), new Place(texts, index));
    }
  }

  /** Hands over what is written; how many have all that they asked for. */
  private static int answer(Map<Driver.Ticket, Place> underWay) {
    int answered = 0;
    for (Iterator<Map.Entry<Driver.Ticket, Place>> each = underWay.entrySet().iterator();
        each.hasNext(); ) {
      Map.Entry<Driver.Ticket, Place> entry = each.next();
      Driver.Ticket ticket = entry.getKey();
      if (ticket.isOver()) {
        ticket.failure().ifPresent(Bench::raise);
        answered += entry.getValue().written(ticket.generation()) ? 1 : 0;
        each.remove();
      }
    }
    return answered;
  }

  private static void raise(RuntimeException failure) {
    throw failure;
  }

  /** Answers all queries, in forwards within the bound; how many askers there were. */
  private int answer(List<Queries> asked) {
    int askers = asked.size();
    List<Query> queries = asked.stream().flatMap(each -> each.queries().stream()).toList();
    List<List<Prediction>> predictions = new ArrayList<>(queries.size());
    for (int from = 0; from < queries.size(); ) {
      int to = from + 1;
      long tokens = queries.get(from).tokens().length;
      while (to < queries.size() && tokens + queries.get(to).tokens().length <= maxTokens) {
        tokens += queries.get(to++).tokens().length;
      }
      predictions.addAll(denoiser.predict(queries.subList(from, to)));
      from = to;
    }
    Iterator<List<Prediction>> each = predictions.iterator();
    for (Queries one : asked) {
      one.answer().complete(one.queries().stream().map(_ -> each.next()).toList());
    }
    asked.clear();
    return askers;
  }

  /** What a problem's thread says to the one that owns the model. */
  private sealed interface Message {}

  /** A message whose sender waits for an answer. */
  private sealed interface Question<T> extends Message {
    CompletableFuture<T> answer();
  }

  /** Texts are to be written. */
  private static final class Texts implements Question<List<Generation>> {
    private final List<Request> requests;
    private final Generation[] written;
    private final CompletableFuture<List<Generation>> answer = new CompletableFuture<>();
    private int left;

    Texts(List<Request> requests) {
      this.requests = List.copyOf(requests);
      written = new Generation[requests.size()];
      left = requests.size();
    }

    @Override
    public CompletableFuture<List<Generation>> answer() {
      return answer;
    }
  }

  /** The model is to be asked. */
  private record Queries(List<Query> queries, CompletableFuture<List<List<Prediction>>> answer)
      implements Question<List<List<Prediction>>> {}

  /** The thread has ended. */
  private record End(Runnable handOver) implements Message {}

  /** The place of a text among those that were asked for together. */
  private record Place(Texts texts, int index) {
    /** Takes the text; whether it is the last of them. */
    boolean written(Generation text) {
      texts.written[index] = text;
      return --texts.left == 0 && texts.answer.complete(Arrays.asList(texts.written));
    }
  }
}
