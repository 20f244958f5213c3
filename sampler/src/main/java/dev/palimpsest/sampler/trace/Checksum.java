package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;

/** SHA-256 of canvases and of the chain of records. */
public final class Checksum {
  private Checksum() {}

  /**
   * The checksum of a canvas: of its ids joined by commas, a bar, a letter per state, and, if it
   * has drafts, a bar, the first position, a colon and the drafts joined by commas. Two canvases
   * are the same if and only if their checksums are.
   */
  public static String of(CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    for (int position = 0; position < canvas.length(); position++) {
      text.append(position == 0 ? "" : ",").append(canvas.id(position));
    }
    text.append('|').append(CellState.letters(canvas));
    if (!canvas.drafts().isEmpty()) {
      text.append('|').append(canvas.drafts().first()).append(':');
      text.append(
          Arrays.stream(canvas.drafts().ids())
              .mapToObj(String::valueOf)
              .collect(Collectors.joining(",")));
    }
    return sha256(text.toString());
  }

  /** The checksum of a text in UTF-8, hexadecimal. */
  public static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
