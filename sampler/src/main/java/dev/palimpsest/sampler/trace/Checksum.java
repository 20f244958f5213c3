package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of canvases and of the chain of records. */
public final class Checksum {
  private Checksum() {}

  /**
   * The checksum of a canvas: of its ids joined by commas, a bar, a letter per state. Two canvases
   * are the same if and only if their checksums are.
   */
  public static String of(CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    for (int position = 0; position < canvas.length(); position++) {
      text.append(position == 0 ? "" : ",").append(canvas.id(position));
    }
    return sha256(text.append('|').append(states(canvas)).toString());
  }

  /** A letter per state: P for the prompt, M for masked, C for committed. */
  static String states(CanvasImage canvas) {
    StringBuilder letters = new StringBuilder();
    for (int position = 0; position < canvas.length(); position++) {
      letters.append(
          switch (canvas.state(position)) {
            case PROMPT -> 'P';
            case MASKED -> 'M';
            case COMMITTED -> 'C';
            case FIXED -> 'F';
          });
    }
    return letters.toString();
  }

  /** The states that {@link #states} wrote. */
  static CellState[] states(String letters) {
    CellState[] states = new CellState[letters.length()];
    for (int position = 0; position < states.length; position++) {
      states[position] =
          switch (letters.charAt(position)) {
            case 'P' -> CellState.PROMPT;
            case 'M' -> CellState.MASKED;
            case 'C' -> CellState.COMMITTED;
            case 'F' -> CellState.FIXED;
            default ->
                throw new IllegalArgumentException(
                    "position " + position + " has the unknown state " + letters.charAt(position));
          };
    }
    return states;
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
