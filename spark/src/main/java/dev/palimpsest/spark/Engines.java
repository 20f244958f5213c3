package dev.palimpsest.spark;

import dev.palimpsest.api.LanguageModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The engines of a JVM, which is an executor's: one for every model and device, shared by its
 * tasks. An engine stays when its last task is done, for the next one, until another model needs
 * its device.
 */
final class Engines {
  private static final Engines OF_THIS_JVM =
      new Engines(place -> LanguageModel.load(place.folder(), place.loading()));

  private final Function<Place, LanguageModel> loader;
  private final Map<Place, Shared> open = new HashMap<>();

  Engines(Function<Place, LanguageModel> loader) {
    this.loader = loader;
  }

  /** Those of this process. They end with it, or with {@link #close}. */
  static Engines ofThisJvm() {
    return OF_THIS_JVM;
  }

  /**
   * Takes part in an engine, which starts if there is none.
   *
   * @param atOnce the most texts written together; of those who take part, the largest counts
   */
  synchronized Lease lease(Place place, int atOnce) {
    List<Place> unneeded = new ArrayList<>();
    open.forEach(
        (other, shared) -> {
          boolean gives = !other.equals(place) && other.sharesDeviceWith(place);
          if (shared.engine.isOver() || (shared.leases.isEmpty() && gives)) {
            unneeded.add(other);
          }
        });
    unneeded.forEach(this::close);
    return open.computeIfAbsent(place, Shared::new).join(atOnce);
  }

  /** Ends every engine, whoever takes part, and frees what they hold. */
  synchronized void close() {
    List.copyOf(open.keySet()).forEach(this::close);
  }

  /** Engines that hold a model, or load one. */
  synchronized int size() {
    return open.size();
  }

  private void close(Place place) {
    Shared shared = open.remove(place);
    if (shared != null) {
      shared.engine.close();
    }
  }

  /** An engine and who takes part in it. */
  private final class Shared {
    private final Engine engine;
    private final List<Lease> leases = new ArrayList<>();
    private volatile int atOnce = 1;

    Shared(Place place) {
      engine = new Engine(place.toString(), () -> loader.apply(place), () -> atOnce);
    }

    Lease join(int most) {
      Lease lease = new Lease(this, most);
      leases.add(lease);
      count();
      return lease;
    }

    void leave(Lease lease) {
      leases.remove(lease);
      count();
    }

    private void count() {
      atOnce = leases.stream().mapToInt(each -> each.atOnce).max().orElse(1);
    }
  }

  /** A task's part in an engine. */
  final class Lease implements AutoCloseable {
    private final Shared shared;
    private final int atOnce;

    private Lease(Shared shared, int atOnce) {
      this.shared = shared;
      this.atOnce = atOnce;
    }

    /** The engine, which others use too. */
    Engine engine() {
      return shared.engine;
    }

    @Override
    public void close() {
      synchronized (Engines.this) {
        shared.leave(this);
      }
    }
  }
}
