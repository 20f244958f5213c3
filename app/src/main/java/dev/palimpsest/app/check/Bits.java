package dev.palimpsest.app.check;

import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.step.Prediction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;

/** The SHA-256 of numbers as they are in memory, little-endian: equal only if every bit is. */
public final class Bits {
  private final Sha256 sum = new Sha256();
  private final ByteBuffer number =
      ByteBuffer.allocate(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /** Adds f32 numbers. */
  public void add(float[] values) {
    for (float value : values) {
      sum.add(number.clear().putFloat(value).flip());
    }
  }

  /** Adds a step: the ids of its canvas and every scalar of its predictions. */
  public void add(Snapshot snapshot) {
    for (int id : snapshot.canvas().ids()) {
      sum.add(number.clear().putInt(id).flip());
    }
    for (Prediction each : snapshot.predictions()) {
      sum.add(number.clear().putInt(each.token()).putInt(each.argmax()).flip());
      for (double scalar :
          List.of(
              each.probability(), each.top(), each.second(), each.logSumExp(), each.entropy())) {
        sum.add(number.clear().putDouble(scalar).flip());
      }
    }
  }

  /** Adds what another has of its numbers so far. */
  public void add(Bits other) {
    sum.add(ByteBuffer.wrap(HexFormat.of().parseHex(other.sha256())));
  }

  /** The checksum, hexadecimal; the numbers begin anew. */
  public String sha256() {
    return sum.hex();
  }
}
