package dev.palimpsest.app.serve;

import dev.palimpsest.app.file.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The keys that open a server, or none if it is open to everybody. They are compared by digests,
 * each with all of them, so that the time tells nothing.
 */
final class ApiKeys {
  /** Opens to everybody. */
  static final ApiKeys NONE = new ApiKeys(List.of());

  private static final String BEARER = "bearer ";

  private final List<byte[]> digests;

  ApiKeys(List<String> keys) {
    digests = keys.stream().map(ApiKeys::digest).toList();
  }

  /**
   * Reads keys, one a line; empty lines and those that begin with a number sign are none.
   *
   * @throws IllegalArgumentException if there is no key
   */
  static ApiKeys read(Path file) throws IOException {
    List<String> keys =
        Files.readAllLines(file).stream()
            .map(String::strip)
            .filter(line -> !line.isEmpty() && !line.startsWith("#"))
            .toList();
    if (keys.isEmpty()) {
      throw new IllegalArgumentException(file + " holds no key: write one a line");
    }
    return new ApiKeys(keys);
  }

  /**
   * Checks the header that brings a key.
   *
   * @throws dev.palimpsest.app.openai.RequestException if it is needed and not there
   */
  void require(@Nullable String authorization) {
    if (digests.isEmpty()) {
      return;
    }
    boolean known = false;
    if (authorization != null && authorization.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
      byte[] given = digest(authorization.substring(BEARER.length()).strip());
      for (byte[] each : digests) {
        known |= MessageDigest.isEqual(each, given);
      }
    }
    if (!known) {
      throw ServiceErrors.unauthorized();
    }
  }

  private static byte[] digest(String key) {
    return Sha256.of(key.getBytes(StandardCharsets.UTF_8));
  }
}
