package dev.palimpsest.sampler.trace;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Lines of JSON that each end with a checksum over the one before and their own rest. */
final class ChainedLines {
  private static final String CHAIN = ",\"chain\":\"";
  private static final int CHAIN_LENGTH = CHAIN.length() + 64 + 2;

  private ChainedLines() {}

  /** Who takes lines as they are read. */
  interface Taker {
    /**
     * Takes a line whose checksum is right.
     *
     * @throws IllegalArgumentException if it is not what it should be
     */
    void take(JsonNode json, String chain);

    /** Whether what was taken last is the end. */
    boolean hasEnded();
  }

  /** A line whose checksum is right. */
  private record Line(JsonNode json, String chain) {}

  /** The first line; empty if it is not whole, or not what was written. */
  static Optional<JsonNode> first(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      return readLine(in, line)
          ? Optional.of(line(line.toByteArray(), "").json())
          : Optional.empty();
    } catch (IllegalArgumentException | CharacterCodingException | JacksonException _) {
      return Optional.empty();
    }
  }

  /** Reads to the end, or to the first damage. */
  static Optional<TraceDamage> read(InputStream in, Taker taker) {
    String chain = "";
    for (int number = 1; ; number++) {
      try {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        if (!readLine(in, line)) {
          return early(number, line.size() > 0, taker.hasEnded());
        }
        if (taker.hasEnded()) {
          return altered(number, "there is more after the end");
        }
        Line read = line(line.toByteArray(), chain);
        taker.take(read.json(), read.chain());
        chain = read.chain();
      } catch (IllegalArgumentException | IllegalStateException e) {
        return altered(number, String.valueOf(e.getMessage()));
      } catch (ArrayIndexOutOfBoundsException _) {
        return altered(number, "it names a position outside the canvas");
      } catch (CharacterCodingException _) {
        return altered(number, "it is not UTF-8");
      } catch (JacksonException _) {
        return altered(number, "it is not JSON");
      } catch (IOException e) {
        return altered(number, "the file cannot be unpacked: " + e.getMessage());
      }
    }
  }

  private static boolean readLine(InputStream in, ByteArrayOutputStream line) throws IOException {
    int next = in.read();
    while (next >= 0 && next != '\n') {
      line.write(next);
      next = in.read();
    }
    return next >= 0;
  }

  private static Optional<TraceDamage> early(int number, boolean inTheMiddle, boolean ended) {
    if (inTheMiddle) {
      return Optional.of(
          new TraceDamage(
              number, TraceDamage.Kind.ENDS_EARLY, "the file ends in the middle of it"));
    }
    return ended
        ? Optional.empty()
        : Optional.of(
            new TraceDamage(number, TraceDamage.Kind.ENDS_EARLY, "the file ends before it"));
  }

  private static Optional<TraceDamage> altered(int number, String problem) {
    return Optional.of(new TraceDamage(number, TraceDamage.Kind.ALTERED, problem));
  }

  private static Line line(byte[] bytes, String before) throws CharacterCodingException {
    String line = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    int split = line.length() - CHAIN_LENGTH;
    if (split < 0 || !line.startsWith(CHAIN, split) || !line.endsWith("\"}")) {
      throw new IllegalArgumentException("it does not end with its checksum");
    }
    String chain = line.substring(split + CHAIN.length(), line.length() - 2);
    if (!Checksum.sha256(before + line.substring(0, split)).equals(chain)) {
      throw new IllegalArgumentException("its checksum is wrong, so it or one before is altered");
    }
    return new Line(TraceLines.MAPPER.readTree(line), chain);
  }

  /**
   * Writes a line and flushes it.
   *
   * @param before the checksum of the line before, nothing for the first
   * @return this line's checksum
   */
  static String write(OutputStream out, ObjectNode json, String before) throws IOException {
    String body = json.toString();
    body = body.substring(0, body.length() - 1);
    String chain = Checksum.sha256(before + body);
    out.write((body + CHAIN + chain + "\"}\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
    return chain;
  }
}
