package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.run.Generation;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.function.IntSupplier;

/** What a server tells Prometheus, under the names that vLLM made common where it has one. */
final class ServerMetrics {
  /** What {@link #text} is. */
  static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final String PREFIX = "palimpsest:";
  private static final double NANOS = 1e9;
  private static final double[] SECONDS = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600
  };
  private static final double[] COUNTS = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000
  };
  private static final double[] PER_FORWARD = {0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32};

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Histogram queueTime =
      histogram("request_queue_time_seconds", "From submission to the driver.", SECONDS);
  private final Histogram firstSnapshot =
      histogram("time_to_first_snapshot_seconds", "From submission to the first step.", SECONDS);
  private final Histogram firstToken =
      histogram(
          "time_to_first_token_seconds",
          "From submission to the first committed token, wherever it stands.",
          SECONDS);
  private final Histogram perToken =
      histogram(
          "time_per_output_token_seconds",
          "From the driver to the end, per token of the text.",
          SECONDS);
  private final Histogram endToEnd =
      histogram("e2e_request_latency_seconds", "From submission to the end.", SECONDS);
  private final Histogram forwards =
      histogram("request_nfe", "Forwards run for a text (NFE).", COUNTS);
  private final Histogram tokensPerForward =
      histogram("request_tokens_per_forward", "Tokens of a text per forward (TPF).", PER_FORWARD);
  private final Counter promptTokens = counter("prompt_tokens", "Tokens of prompts.");
  private final Counter generationTokens = counter("generation_tokens", "Tokens of texts.");
  private final Counter allForwards = counter("nfe", "Forwards run.");
  private final Counter ended =
      Counter.builder()
          .name(PREFIX + "request_success")
          .help("Texts that ended, by how: stop, length, abort, timeout or error.")
          .labelNames("finished_reason")
          .register(registry);
  private final Counter refusals =
      counter("requests_refused", "Requests that found the queue full.");
  private final Gauge kvBytes =
      Gauge.builder()
          .name(PREFIX + "kv_cache_usage_bytes")
          .help("Bytes of keys and values in the KV cache.")
          .register(registry);

  private Histogram histogram(String name, String help, double... bounds) {
    return Histogram.builder()
        .name(PREFIX + name)
        .help(help)
        .classicOnly()
        .classicUpperBounds(bounds)
        .register(registry);
  }

  private Counter counter(String name, String help) {
    return Counter.builder().name(PREFIX + name).help(help).register(registry);
  }

  /** Watches how many texts are written and how many wait. */
  void watch(IntSupplier running, IntSupplier waiting) {
    gauge("num_requests_running", "Texts that are written now.", running);
    gauge("num_requests_waiting", "Texts that wait to be written.", waiting);
  }

  private void gauge(String name, String help, IntSupplier value) {
    var _ =
        GaugeWithCallback.builder()
            .name(PREFIX + name)
            .help(help)
            .callback(callback -> callback.call(value.getAsInt()))
            .register(registry);
  }

  /** A request found the queue full. */
  void refused() {
    refusals.inc();
  }

  /** Forwards were run. */
  void stepped(int sequences, long kvCacheBytes) {
    allForwards.inc(sequences);
    kvBytes.set((double) kvCacheBytes);
  }

  /** A text has ended. */
  void ended(Work work, Outcome outcome) {
    ended
        .labelValues(
            switch (outcome) {
              case Outcome.Written(Generation generation, _) ->
                  generation.stopped() || work.isStopped() ? "stop" : "length";
              case Outcome.Scored _ -> "stop";
              case Outcome.Unwanted _, Outcome.ServerEnds _ -> "abort";
              case Outcome.TimedOut _ -> "timeout";
              case Outcome.Failed _ -> "error";
            })
        .inc();
    if (work instanceof Writing text
        && outcome instanceof Outcome.Written(Generation generation, _)) {
      written(text, generation);
    }
  }

  private void written(Writing text, Generation generation) {
    long now = System.nanoTime();
    int tokens = generation.written();
    queueTime.observe((text.admittedNanos() - text.submittedNanos()) / NANOS);
    if (generation.firstSnapshotNanos() > 0) {
      firstSnapshot.observe(
          (text.admittedNanos() - text.submittedNanos() + generation.firstSnapshotNanos()) / NANOS);
    }
    if (text.firstTokenNanos() > 0) {
      firstToken.observe((text.firstTokenNanos() - text.submittedNanos()) / NANOS);
    }
    if (tokens > 0) {
      perToken.observe((now - text.admittedNanos()) / NANOS / tokens);
    }
    endToEnd.observe((now - text.submittedNanos()) / NANOS);
    forwards.observe(generation.forwards());
    tokensPerForward.observe(generation.tokensPerForward());
    promptTokens.inc(generation.promptLength());
    generationTokens.inc(tokens);
  }

  /** All of it, as Prometheus reads it. */
  byte[] text() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrometheusTextFormatWriter.create().write(out, registry.scrape());
    return out.toByteArray();
  }
}
