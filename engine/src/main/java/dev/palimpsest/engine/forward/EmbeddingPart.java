package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** What goes into the first block: embeddings, and into a canvas also what it is told. */
final class EmbeddingPart {
  private final ModelSpec spec;
  private final Backend backend;
  private final Weights weights;

  EmbeddingPart(ModelSpec spec, Backend backend, Weights weights) {
    this.spec = spec;
    this.backend = backend;
    this.weights = weights;
  }

  /**
   * Embeds the tokens of a batch.
   *
   * @param told of each query, what its canvas is told; nothing for none at all
   * @param signals where soft signals are, if any was opened
   */
  void run(
      RaggedBatch batch,
      List<Conditioning> told,
      Optional<SoftSignals> signals,
      StepMemory memory) {
    embed(batch.tokens(), memory.x());
    if (spec.canvas().isEmpty()) {
      return;
    }
    ToldCanvases canvases = ToldCanvases.of(batch, told, spec);
    int[] rows = canvases.told();
    if (rows.length > 0) {
      Activation signal = memory.second().firstRows(rows.length);
      int byIds = canvases.ids().length;
      if (byIds > 0) {
        backend.embed(canvases.ids(), weights.embedding(), signal.firstRows(byIds));
      }
      int filled = byIds;
      for (SoftAlternatives few : canvases.few()) {
        embed(few, filled, signal, memory.first());
        filled += few.positions();
      }
      if (!canvases.signals().isEmpty()) {
        signals.orElseThrow().read(canvases.signals(), filled, signal);
      }
      scale(signal);
      put(batch, rows, Optional.of(signal), memory);
    }
    if (canvases.untold().length > 0) {
      put(batch, canvases.untold(), Optional.empty(), memory);
    }
  }

  /** Embeds a few ids a position into the rows of {@code out} from {@code first} on. */
  private void embed(SoftAlternatives few, int first, Activation out, Activation room) {
    Activation embedded = room.firstRows(few.positions());
    backend.embed(few.ids(), few.shares(), weights.embedding(), embedded);
    backend.scatter(embedded, IntStream.range(first, first + few.positions()).toArray(), out);
  }

  private void embed(int[] ids, Activation out) {
    backend.embed(ids, weights.embedding(), out);
    scale(out);
  }

  private void scale(Activation x) {
    weights.embeddingScale().ifPresent(scale -> backend.scale(x, scale, new int[x.rows()]));
  }

  /** Embeds rows of canvases, adds what comes of a signal, and puts their norm into the stream. */
  private void put(RaggedBatch batch, int[] rows, Optional<Activation> signal, StepMemory memory) {
    Weights.Conditioned own = weights.canvas().orElseThrow();
    Activation embedded = memory.first().firstRows(rows.length);
    Activation normed = memory.normed().firstRows(rows.length);
    int[] ids = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      ids[i] = batch.tokens()[rows[i]];
    }
    embed(ids, embedded);
    signal.ifPresent(
        each -> {
          backend.rmsNorm(each, own.norm(), spec.normEpsilon(), normed);
          Activation activated =
              own.told().activated(normed, spec.feedForward().gate(), backend, memory);
          backend.addLinear(activated, own.told().down(), embedded);
        });
    backend.rmsNorm(embedded, own.ones(), spec.normEpsilon(), normed);
    backend.scatter(normed, rows, memory.x());
  }
}
