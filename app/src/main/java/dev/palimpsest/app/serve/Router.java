package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the route of a request, and answers with an error what no route can. */
final class Router extends Handler.Abstract {
  private static final Logger LOG = LoggerFactory.getLogger(Router.class);
  private static final String OPEN = "{}";

  private final List<Entry> entries = new ArrayList<>();
  private final int bodyBytes;
  private final ApiKeys keys;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition answered = lock.newCondition();
  private int open;

  private record Entry(String method, List<String> path, boolean guarded, Route route) {
    /** The parts that the path leaves open, if it fits. */
    Optional<List<String>> match(List<String> parts) {
      if (parts.size() != path.size()) {
        return Optional.empty();
      }
      List<String> open = new ArrayList<>();
      for (int index = 0; index < parts.size(); index++) {
        if (path.get(index).equals(OPEN)) {
          open.add(parts.get(index));
        } else if (!path.get(index).equals(parts.get(index))) {
          return Optional.empty();
        }
      }
      return Optional.of(open);
    }
  }

  Router(int bodyBytes, ApiKeys keys) {
    this.bodyBytes = bodyBytes;
    this.keys = keys;
  }

  /**
   * A route for those who have a key.
   *
   * @param path in which a pair of braces stands for any part
   */
  Router on(String method, String path, Route route) {
    entries.add(new Entry(method, parts(path), true, route));
    return this;
  }

  /** A route for everybody. */
  Router open(String method, String path, Route route) {
    entries.add(new Entry(method, parts(path), false, route));
    return this;
  }

  private static List<String> parts(String path) {
    return List.of(path.substring(1).split("/", -1));
  }

  /** Waits until every request that has come is answered, or the time is up. */
  void awaitAnswers(Duration longest) throws InterruptedException {
    lock.lock();
    try {
      long left = longest.toNanos();
      while (open > 0 && left > 0) {
        left = answered.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  private void count(int more) {
    lock.lock();
    try {
      open += more;
      answered.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    count(1);
    try {
      answer(request, response, callback);
    } finally {
      count(-1);
    }
    return true;
  }

  private void answer(Request request, Response response, Callback callback) {
    Exchange exchange = new Exchange(request, response, bodyBytes, List.of());
    try {
      try {
        route(request, response);
      } catch (RequestException e) {
        exchange.refuse(e);
      } catch (RuntimeException e) {
        LOG.error("{} {} failed", request.getMethod(), exchange.path(), e);
        exchange.refuse(ServiceErrors.internal());
      }
      callback.succeeded();
    } catch (EofException e) {
      exchange.abandon(); // or else it would get an error, if it still reads
      callback.failed(e);
    } catch (IOException | RuntimeException e) {
      callback.failed(e); // the client has gone, or the answer had begun
    }
  }

  /** A page of another site must not use the model of whoever looks at it. */
  private static void requireOwnPage(Request request) {
    String origin = request.getHeaders().get(HttpHeader.ORIGIN);
    if (origin != null
        && !origin
            .replaceFirst("^https?://", "")
            .equals(request.getHeaders().get(HttpHeader.HOST))) {
      throw ServiceErrors.otherSite();
    }
  }

  private void route(Request request, Response response) throws IOException {
    String path = Request.getPathInContext(request);
    TreeSet<String> methods = new TreeSet<>();
    for (Entry entry : entries) {
      Optional<List<String>> open = entry.match(parts(path.isEmpty() ? "/" : path));
      if (open.isPresent()) {
        if (entry.method().equals(request.getMethod())) {
          if (entry.guarded()) {
            keys.require(request.getHeaders().get(HttpHeader.AUTHORIZATION));
            requireOwnPage(request);
          }
          entry.route().answer(new Exchange(request, response, bodyBytes, open.get()));
          return;
        }
        methods.add(entry.method());
      }
    }
    if (methods.isEmpty()) {
      throw ServiceErrors.notFound("There is nothing at this path; docs/serving.md lists what is.");
    }
    String allowed = String.join(", ", methods);
    response.getHeaders().put(HttpHeader.ALLOW, allowed);
    throw new RequestException(
        405,
        "invalid_request_error",
        "This path takes no %s: use %s.".formatted(request.getMethod(), allowed),
        Optional.empty(),
        Optional.empty());
  }
}
