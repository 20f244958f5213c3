package dev.palimpsest.app.serve;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** A model behind HTTP: the routes, the thread that takes the steps, and their ends. */
final class ModelServer implements AutoCloseable {
  private final Served served;
  private final DriverThread driver;
  private final ServerMetrics metrics = new ServerMetrics();
  private final HttpServer http;

  /**
   * A server, which {@link #start} begins.
   *
   * @param language stays the caller's, and is the driver's thread's own until {@link #close}
   * @param names that requests may ask for it by
   * @param port 0 for any that is free
   */
  ModelServer(
      LanguageModel language,
      List<String> names,
      Limits limits,
      ApiKeys keys,
      String host,
      int port) {
    served = new Served(language, names, limits);
    driver = new DriverThread(measured(language), limits, metrics);
    metrics.watch(driver::running, driver::waiting);
    http = new HttpServer(host, port, routes(limits, keys), new AccessLog());
  }

  private Denoiser measured(LanguageModel language) {
    return queries -> {
      List<List<Prediction>> answers = language.model().transformer().predict(queries);
      metrics.stepped(
          queries.stream().mapToInt(Query::sequences).sum(),
          language.model().transformer().kvCacheBytes());
      return answers;
    };
  }

  private Router routes(Limits limits, ApiKeys keys) {
    Jobs jobs = new Jobs(served);
    TextAnswer answer = new TextAnswer(served, driver);
    return new Router(limits.bodyBytes(), keys)
        .on("POST", "/v1/chat/completions", new ChatRoute(served, jobs, answer))
        .on("POST", "/v1/completions", new CompletionRoute(served, jobs, answer))
        .on("GET", "/v1/models", this::models)
        .on("GET", "/v1/models/{}", this::model)
        .open("GET", "/", new LivePage()::answer)
        .open("GET", "/health", this::health)
        .open("GET", "/metrics", this::metrics);
  }

  private void models(Exchange exchange) throws IOException {
    ObjectNode body = JsonNodeFactory.instance.objectNode().put("object", "list");
    ArrayNode data = body.putArray("data");
    served.names().forEach(name -> data.add(model(name)));
    exchange.send(200, body);
  }

  private void model(Exchange exchange) throws IOException {
    String name = exchange.part(0);
    if (!served.names().contains(name)) {
      throw ServiceErrors.noModel(name, served.name());
    }
    exchange.send(200, model(name));
  }

  private ObjectNode model(String name) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", name)
        .put("object", "model")
        .put("created", served.since().getEpochSecond())
        .put("owned_by", "palimpsest")
        .put("root", served.name())
        .put("max_model_len", served.language().limits().maxLength())
        .put("sampler", served.language().limits().sampler());
  }

  private void health(Exchange exchange) throws IOException {
    if (!driver.isAlive()) {
      throw ServiceErrors.internal();
    }
    exchange.send(
        200,
        JsonNodeFactory.instance
            .objectNode()
            .put("status", "ok")
            .put("running", driver.running())
            .put("waiting", driver.waiting()));
  }

  private void metrics(Exchange exchange) throws IOException {
    exchange.send(200, ServerMetrics.CONTENT_TYPE, metrics.text());
  }

  /** Begins to take requests. */
  void start() throws IOException {
    driver.start();
    http.start();
  }

  /** Where it listens. */
  InetSocketAddress address() {
    return http.address();
  }

  /** Refuses new requests, and waits until those that were taken are answered. */
  void drain(Duration longest) throws InterruptedException {
    driver.drain(longest);
  }

  /** Ends what is left. */
  @Override
  public void close() {
    driver.close();
    http.close();
  }
}
