package dev.palimpsest.app.serve;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.openai.ChatRequest;
import dev.palimpsest.app.openai.CompletionRequest;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
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
  private final TraceStore traces;
  private final Router router;
  private final HttpServer http;

  /**
   * A server, which {@link #start} begins.
   *
   * @param language stays the caller's, and is the driver's thread's own until {@link #close}
   * @param modelFolder it was loaded from
   * @param names that requests may ask for it by
   * @param traceFolder where traces are kept
   * @param port 0 for any that is free
   */
  ModelServer(
      LanguageModel language,
      Path modelFolder,
      List<String> names,
      Limits limits,
      ApiKeys keys,
      Path traceFolder,
      String host,
      int port)
      throws IOException {
    this(
        language,
        language.model().transformer(),
        modelFolder,
        names,
        limits,
        keys,
        traceFolder,
        host,
        port);
  }

  /** As above, with a denoiser around the model. */
  ModelServer(
      LanguageModel language,
      Denoiser denoiser,
      Path modelFolder,
      List<String> names,
      Limits limits,
      ApiKeys keys,
      Path traceFolder,
      String host,
      int port)
      throws IOException {
    served = new Served(language, names, limits);
    driver = new DriverThread(measured(denoiser), limits, metrics);
    metrics.watch(driver::running, driver::waiting);
    traces = new TraceStore(served, modelFolder, traceFolder, limits.traces());
    router = routes(limits, keys, modelFolder);
    http = new HttpServer(host, port, router, new AccessLog());
  }

  private Denoiser measured(Denoiser denoiser) {
    return denoiser.watched(
        queries ->
            metrics.stepped(
                queries.stream().mapToInt(Query::sequences).sum(),
                served.language().model().transformer().kvCacheBytes()));
  }

  private Router routes(Limits limits, ApiKeys keys, Path modelFolder) throws IOException {
    Jobs jobs = new Jobs(served, traces);
    Infill infill = new Infill(served, jobs);
    TextAnswer answer = new TextAnswer(served, driver);
    ScoreAnswer scores = new ScoreAnswer(served, driver);
    TokenRoutes tokens = new TokenRoutes(served, modelFolder);
    TraceRoutes traceRoutes = new TraceRoutes(traces);
    return new Router(limits.bodyBytes(), keys)
        .on("POST", ChatRequest.PATH, new ChatRoute(served, jobs, answer))
        .on(
            "POST",
            CompletionRequest.PATH,
            new CompletionRoute(served, jobs, infill, answer, scores))
        .on("POST", "/v1/fim/completions", new FimRoute(served, infill, answer))
        .on("POST", "/v1/edit/completions", new EditRoute(served, jobs, answer))
        .on("POST", "/v1/canvas", new CanvasRoute(served, jobs, traces, driver))
        .on("GET", "/v1/traces/{}", traceRoutes::file)
        .on("GET", "/v1/traces/{}/view", traceRoutes::view)
        .on("GET", "/v1/models", this::models)
        .on("GET", "/v1/models/{}", this::model)
        .on("POST", "/tokenize", tokens::tokenize)
        .on("POST", "/detokenize", tokens::detokenize)
        .on("GET", "/tokenizer_info", tokens::info)
        .open("GET", "/health", this::health)
        .open("GET", "/metrics", this::metrics)
        .open("GET", "/", new LivePage()::answer);
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
    if (driver.isRefusing()) {
      throw ServiceErrors.ending();
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

  /** Texts that wait to be written. */
  int waiting() {
    return driver.waiting();
  }

  /** Whether it takes no new requests. */
  boolean isRefusing() {
    return driver.isRefusing();
  }

  /** Refuses new requests, and waits until those that were taken are answered. */
  void drain(Duration longest) throws InterruptedException {
    long end = System.nanoTime() + longest.toNanos();
    driver.drain(longest);
    router.awaitAnswers(Duration.ofNanos(end - System.nanoTime()));
  }

  /** Ends what is left. */
  @Override
  public void close() {
    driver.close();
    http.close();
    traces.close();
  }
}
