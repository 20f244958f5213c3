package dev.palimpsest.app.intervention;

import java.net.URI;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A server that a command asks about texts. */
public final class EndpointOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description = "A server to ask, as http://host/v1/chat/completions.")
  private Optional<String> endpoint;

  @Option(names = "--endpoint-model", paramLabel = "NAME", description = "Its name for its model.")
  private Optional<String> endpointModel;

  @Option(
      names = "--endpoint-key-variable",
      paramLabel = "NAME",
      description = "The environment variable that holds its key, if it needs one.")
  private Optional<String> endpointKey;

  /**
   * The server; empty if none was given.
   *
   * @throws ParameterException if something of it is missing or wrong
   */
  public Optional<ChatEndpoint> server() {
    if (endpoint.isEmpty()) {
      return Optional.empty();
    }
    requireAddress(endpoint.get());
    String model =
        endpointModel.orElseThrow(
            () -> wrong("--endpoint needs the model's name: give --endpoint-model"));
    return Optional.of(new ChatEndpoint(endpoint.get(), model, endpointKey.orElse("")));
  }

  private void requireAddress(String url) {
    if (!url.matches("https?://.+") || !isAddress(url)) {
      throw wrong(
          "--endpoint " + url + " is no address: give one as http://host/v1/chat/completions");
    }
  }

  private static boolean isAddress(String url) {
    try {
      return URI.create(url).getHost() != null;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }
}
