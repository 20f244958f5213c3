package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.model.LladaFamily;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;

/** A model's weights in a backend's memory. */
record Weights(Weight embedding, List<Layer> layers, Weight finalNorm, Weight head, Weight rotary) {

  /**
   * The weights of one block.
   *
   * @param attentionQkv queries, keys and values stacked, [(heads + 2 · key heads) · head size,
   *     hidden]
   * @param gateUp gate and up stacked, [2 · feed-forward, hidden]
   */
  record Layer(
      Weight attentionNorm,
      Weight attentionQkv,
      Weight attentionOut,
      Weight feedForwardNorm,
      Weight gateUp,
      Weight down) {}

  /**
   * Copies a model's weights to the backend.
   *
   * @param progress is told the share that is loaded, from 0 to 1
   */
  static Weights load(
      Checkpoint checkpoint, ModelSpec spec, Backend backend, DoubleConsumer progress) {
    checkpoint.requireExactly(LladaFamily.tensors(spec));
    Loader loader = new Loader(checkpoint, backend, progress);
    Weight embedding = loader.load(LladaFamily.embedding());
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < spec.layers(); layer++) {
      layers.add(
          new Layer(
              loader.load(LladaFamily.attentionNorm(layer)),
              loader.load(
                  LladaFamily.query(layer), LladaFamily.key(layer), LladaFamily.value(layer)),
              loader.load(LladaFamily.attentionOut(layer)),
              loader.load(LladaFamily.feedForwardNorm(layer)),
              loader.load(LladaFamily.gate(layer), LladaFamily.up(layer)),
              loader.load(LladaFamily.down(layer))));
    }
    Weight finalNorm = loader.load(LladaFamily.finalNorm());
    Weight head = spec.tiedHead() ? embedding : loader.load(LladaFamily.head(spec));
    Weight rotary = backend.table(spec.maxLength(), spec.headSize(), rotaryTable(spec));
    return new Weights(embedding, layers, finalNorm, head, rotary);
  }

  /**
   * Cosines of a head's first half, then sines, by position; angles in f32 as the references do.
   */
  private static float[] rotaryTable(ModelSpec spec) {
    int size = spec.headSize();
    float[] table = new float[spec.maxLength() * size];
    for (int i = 0; i < size / 2; i++) {
      float frequency = (float) (1 / Math.pow(spec.ropeTheta(), 2.0 * i / size));
      for (int position = 0; position < spec.maxLength(); position++) {
        float angle = position * frequency;
        table[position * size + i] = (float) StrictMath.cos(angle);
        table[position * size + size / 2 + i] = (float) StrictMath.sin(angle);
      }
    }
    return table;
  }

  private static final class Loader {
    private final Checkpoint checkpoint;
    private final Backend backend;
    private final DoubleConsumer progress;
    private final double total;
    private long loaded;

    Loader(Checkpoint checkpoint, Backend backend, DoubleConsumer progress) {
      this.checkpoint = checkpoint;
      this.backend = backend;
      this.progress = progress;
      total = checkpoint.bytes();
    }

    Weight load(String... names) {
      List<Tensor> parts = Stream.of(names).map(checkpoint::tensor).toList();
      Weight weight = backend.weight(parts);
      loaded += parts.stream().mapToLong(part -> part.data().byteSize()).sum();
      progress.accept(loaded / total);
      return weight;
    }
  }
}
