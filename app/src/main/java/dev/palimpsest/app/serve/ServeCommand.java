package dev.palimpsest.app.serve;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.Notices;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jline.utils.Signals;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code serve}: a model behind HTTP. */
@Command(
    name = "serve",
    description = {
      "Serves a model over HTTP.",
      "It is for clients of OpenAI's interface and for its own page, at /; docs/serving.md lists"
          + " the routes."
    },
    mixinStandardHelpOptions = true)
public final class ServeCommand implements Callable<Integer> {
  private static final int INTERRUPTED = 130;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      arity = "0..1",
      description = "Folder of the model, as --model.")
  private Optional<Path> folder;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      defaultValue = "127.0.0.1",
      description =
          "Address to listen at; 0.0.0.0 for every one of the machine (default: ${DEFAULT-VALUE}).")
  private String host;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8000",
      description = "Port to listen at; 0 for any that is free (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--served-model-name",
      paramLabel = "NAME",
      description =
          "What requests call the model; may be given more than once. The folder's name if not"
              + " given.")
  private List<String> names = List.of();

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      description = "Ask for one of the keys in FILE, one a line.")
  private Optional<Path> keyFile;

  @Option(
      names = "--max-running",
      paramLabel = "N",
      defaultValue = "64",
      description = "Texts that are written at once (default: ${DEFAULT-VALUE}).")
  private int running;

  @Option(
      names = "--max-waiting",
      paramLabel = "N",
      defaultValue = "256",
      description =
          "Texts that may wait; requests beyond get status 429 (default: ${DEFAULT-VALUE}).")
  private int waiting;

  @Option(
      names = "--max-forward-tokens",
      paramLabel = "N",
      defaultValue = "16384",
      description =
          "Bound on the tokens of a forward, all texts together (default: ${DEFAULT-VALUE}).")
  private long forwardTokens;

  @Option(
      names = "--max-gen-length",
      paramLabel = "N",
      defaultValue = "32768",
      description = "Most tokens that a request may ask for (default: ${DEFAULT-VALUE}).")
  private int genLength;

  @Option(
      names = "--max-body-bytes",
      paramLabel = "N",
      defaultValue = "4194304",
      description = "Largest body of a request (default: ${DEFAULT-VALUE}).")
  private int bodyBytes;

  @Option(
      names = "--max-seconds",
      paramLabel = "N",
      defaultValue = "600",
      description = "Longest time for a request, waiting included (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--trace-dir",
      paramLabel = "FOLDER",
      description =
          "Keep the traces that requests ask for in FOLDER; in a temporary one, which goes with the"
              + " server, if not given.")
  private Optional<Path> traceDir;

  @Option(
      names = "--max-traces",
      paramLabel = "N",
      defaultValue = "256",
      description =
          "Traces that are kept; the oldest goes for a new one (default: ${DEFAULT-VALUE}).")
  private int traces;

  @Option(
      names = "--drain-seconds",
      paramLabel = "N",
      defaultValue = "30",
      description =
          "Time to finish what is being written when the server is told to end (default:"
              + " ${DEFAULT-VALUE}).")
  private int drainSeconds;

  @Override
  public Integer call() throws IOException, InterruptedException {
    folder.ifPresent(each -> modelOptions.use(each, spec));
    requireAtLeast("--port", port, 0);
    requireAtLeast("--max-running", running, 1);
    requireAtLeast("--max-waiting", waiting, 0);
    requireAtLeast("--max-forward-tokens", forwardTokens, 1);
    requireAtLeast("--max-gen-length", genLength, 1);
    requireAtLeast("--max-body-bytes", bodyBytes, 1);
    requireAtLeast("--max-seconds", seconds, 1);
    requireAtLeast("--max-traces", traces, 1);
    requireAtLeast("--drain-seconds", drainSeconds, 0);
    ApiKeys keys = keys();
    Limits limits =
        new Limits(
            running,
            waiting,
            forwardTokens,
            genLength,
            bodyBytes,
            Duration.ofSeconds(seconds),
            traces);
    try (TraceLocation traceLocation = TraceLocation.of(traceDir);
        LanguageModel language = modelOptions.load(Optional.empty());
        ModelServer server =
            new ModelServer(
                language,
                modelOptions.folder(),
                served(),
                limits,
                keys,
                traceLocation.path(),
                host,
                port)) {
      start(server);
      return untilToldToEnd(server);
    }
  }

  private void requireAtLeast(String option, long value, long least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(),
          "%s %d is too small: use %d or above".formatted(option, value, least));
    }
  }

  private ApiKeys keys() throws IOException {
    try {
      return keyFile.isPresent() ? ApiKeys.read(keyFile.get()) : ApiKeys.NONE;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--api-key-file: " + e.getMessage(), e);
    }
  }

  private List<String> served() {
    List<String> all = new ArrayList<>(names);
    if (all.isEmpty()) {
      all.add(modelOptions.folder().toAbsolutePath().normalize().getFileName().toString());
    }
    return all;
  }

  private void start(ModelServer server) throws IOException {
    try {
      server.start();
    } catch (IOException e) {
      throw new IOException("cannot listen at %s, port %d: %s".formatted(host, port, reason(e)), e);
    }
    InetSocketAddress address = server.address();
    if (keyFile.isEmpty() && !InetAddress.getByName(host).isLoopbackAddress()) {
      Notices.say(
          "anybody who reaches " + host + " can use the model: --api-key-file asks for keys");
    }
    Notices.say("listening at http://%s:%d".formatted(address.getHostString(), address.getPort()));
  }

  private static String reason(IOException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return String.valueOf(cause.getMessage());
  }

  /** Finishes what is being written once a signal comes, and ends at once if a second one does. */
  private int untilToldToEnd(ModelServer server) throws InterruptedException {
    CountDownLatch told = new CountDownLatch(1);
    AtomicInteger code = new AtomicInteger();
    onSignal("TERM", 0, told, code);
    onSignal("INT", INTERRUPTED, told, code);
    told.await();
    Notices.say("finishing what is being written; once more ends it");
    server.drain(Duration.ofSeconds(drainSeconds));
    return code.get();
  }

  private static void onSignal(String name, int itsCode, CountDownLatch told, AtomicInteger code) {
    Signals.register(
        name,
        () -> {
          if (told.getCount() == 0) {
            Runtime.getRuntime().halt(INTERRUPTED);
          }
          code.set(itsCode);
          told.countDown();
        });
  }
}
