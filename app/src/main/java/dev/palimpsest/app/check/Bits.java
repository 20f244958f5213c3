package dev.palimpsest.app.check;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.step.Prediction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** The SHA-256 of numbers as they are in memory, little-endian: equal only if every bit is. */
public final class Bits {
  private final MessageDigest digest;
  private final ByteBuffer number =
      ByteBuffer.allocate(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /** The checksum of no numbers yet. */
  public Bits() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Adds f32 numbers. */
  public void add(float[] values) {
    for (float value : values) {
      digest.update(number.clear().putFloat(value).flip());
    }
  }

  /** Adds a step: the ids of its canvas and every scalar of its predictions. */
  public void add(Snapshot snapshot) {
    for (int id : snapshot.canvas().ids()) {
      digest.update(number.clear().putInt(id).flip());
    }
    for (Prediction each : snapshot.predictions()) {
      digest.update(number.clear().putInt(each.token()).putInt(each.argmax()).flip());
      for (double scalar :
          List.of(
              each.probability(), each.top(), each.second(), each.logSumExp(), each.entropy())) {
        digest.update(number.clear().putDouble(scalar).flip());
      }
    }
  }

  /** Adds what another has of its numbers so far. */
  public void add(Bits other) {
    digest.update(HexFormat.of().parseHex(other.sha256()));
  }

  /** The checksum, hexadecimal; the numbers begin anew. */
  public String sha256() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
