package dev.palimpsest.engine.backend;

import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Gate;
import dev.palimpsest.step.Prediction;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The operations of a transformer. Everything above it is the same code on every device.
 *
 * <p>A row's result depends, bit for bit, on nothing but that row (and, in attention, the rows of
 * its own sequence): not on the other rows, their number or order, nor on the number of threads.
 *
 * <p>Operations run in the order of their calls, but may be held back until {@link #vocabulary} or
 * {@link #read} asks for a result.
 *
 * <p>An instance serves one thread at a time.
 */
public interface Backend extends AutoCloseable {
  /** The window of an attention that has none. */
  int ALL_KEYS = Integer.MAX_VALUE;

  /** Device, precision and libraries, in words. */
  String describe();

  /** How it holds weights. */
  Precision precision();

  /**
   * The name of what its bits are computed by: where the names are equal, so are the bits. {@code
   * host-f32/1} is defined for every CPU; others name a library, an instruction set or a GPU.
   */
  String arithmetic();

  /** Whether a row's bits do not depend on its batch; a backend may be told to give that up. */
  boolean isBatchInvariant();

  /** Copies tensors of equal width into the backend's memory, stacked along their rows. */
  Weight weight(List<Tensor> parts);

  /**
   * As {@link #weight}, of experts, of which a step needs a few: where a checkpoint is larger than
   * memory, they may stay in its file.
   *
   * @param all bytes of all weights of the checkpoint
   */
  default Weight expertWeight(List<Tensor> parts, long all) {
    return weight(parts);
  }

  /**
   * Copies tensors as {@link #weight} does, but in f32 whatever the precision: for what is small
   * and must not be rounded, as a router.
   */
  Weight exactWeight(List<Tensor> parts);

  /**
   * Copies a bias, stacked, as {@link #linear(Activation, Weight, Weight, int, Activation)} needs
   * it.
   */
  Weight bias(List<Tensor> parts);

  /** Copies an f32 matrix into the backend's memory, as it is, whatever the precision. */
  Weight table(int rows, int columns, float[] values);

  /**
   * Rows of memory behind an activation of {@code rows}: operations may work on whole tiles, and
   * what they write into the padding is never read.
   */
  int paddedRows(int rows);

  /** Begins a step: its memory then holds at least {@code elements}, whose content is undefined. */
  void begin(long elements);

  /** {@code out[i] = table[tokens[i]]}. */
  void embed(int[] tokens, Weight table, Activation out);

  /**
   * {@code out[i] = Σ shares[i · each + j] · table[ids[i · each + j]]}, added up in f32 in the
   * order of {@code j}, where every row of {@code out} has as many ids, {@code each}. With one id
   * and a share of 1 it is {@link #embed}.
   *
   * @param ids [rows, each]; -1 is none
   * @param shares of the ids
   */
  void embed(int[] ids, float[] shares, Weight table, Activation out);

  /**
   * {@code out = x / sqrt(mean(x²) + epsilon) · gain} along each row (Zhang and Sennrich, 2019).
   */
  void rmsNorm(Activation x, Weight gain, double epsilon, Activation out);

  /** {@code sum = sum +} {@link #rmsNorm} of {@code x}. */
  void addRmsNorm(Activation x, Weight gain, double epsilon, Activation sum);

  /**
   * {@code x[row] = x[row] · factors[which[row]]}.
   *
   * @param factors a vector, in f32
   */
  void scale(Activation x, Weight factors, int[] which);

  /** {@code x = x + values} in every row, with one row of a {@link #table} or a vector. */
  void addToRows(Activation x, Weight values);

  /** {@link #rmsNorm} of every head of every row on its own, in place, all with one gain. */
  void normHeads(Activation x, int headSize, Weight gain, double epsilon);

  /**
   * {@code out = x · wᵀ} with the rows {@code [firstRow, firstRow + out.columns())} of {@code w}.
   */
  void linear(Activation x, Weight w, int firstRow, Activation out);

  /** As above, and the elements of the bias from {@code firstRow} on are added to every row. */
  void linear(Activation x, Weight w, Weight bias, int firstRow, Activation out);

  /** {@code sum = sum + x · wᵀ}. */
  void addLinear(Activation x, Weight w, Activation sum);

  /**
   * Rotates the first dimensions of every head in place, as many as the table has columns: half
   * against half (Su et al., 2021; the half-split form of GPT-NeoX). The others stay.
   *
   * @param x [rows, heads · headSize]
   * @param positions of the rows
   * @param table [positions, rotated dimensions]: cosines of their first half, then sines
   */
  void rotate(Activation x, int headSize, int[] positions, Weight table);

  /**
   * {@link #normHeads} of queries and of keys, each with its own gain, and {@link #rotate} of both,
   * to the bits of these three.
   *
   * @param x [rows, heads · headSize]: the queries' heads, then the keys'
   * @param queryColumns how many columns are queries, which may be none or all
   */
  default void normAndRotate(
      Activation x,
      int queryColumns,
      int headSize,
      Weight queryGain,
      Weight keyGain,
      double epsilon,
      int[] positions,
      Weight table) {
    if (queryColumns > 0) {
      normHeads(x.columns(0, queryColumns), headSize, queryGain, epsilon);
    }
    if (queryColumns < x.columns()) {
      Activation keys = x.columns(queryColumns, x.columns() - queryColumns);
      normHeads(keys, headSize, keyGain, epsilon);
    }
    rotate(x, headSize, positions, table);
  }

  /**
   * Softmax attention of every query over the first keys of its own sequence, scaled by {@code
   * 1/sqrt(headSize)}.
   *
   * @param q [query rows, heads · headSize]
   * @param k [key rows, key heads · headSize]; a key head serves {@code heads / key heads} heads
   * @param v as {@code k}
   * @param queries the query rows of each sequence
   * @param keyStarts the first key row of each sequence, and the number of key rows
   * @param limits how many leading keys of its sequence each query row sees, at least 1: all of
   *     them under full attention, its own and those before it under causal attention
   * @param window how many of these keys a query row sees at most, the last ones; at least 1
   * @param out as {@code q}
   */
  void attention(
      Activation q,
      Activation k,
      Activation v,
      int headSize,
      QueryRows queries,
      int[] keyStarts,
      int[] limits,
      int window,
      Activation out);

  /**
   * The same of query rows that follow one another.
   *
   * @param queryStarts the first query row of each sequence, and the number of query rows
   */
  default void attention(
      Activation q,
      Activation k,
      Activation v,
      int headSize,
      int[] queryStarts,
      int[] keyStarts,
      int[] limits,
      int window,
      Activation out) {
    QueryRows queries = QueryRows.consecutive(queryStarts);
    attention(q, k, v, headSize, queries, keyStarts, limits, window, out);
  }

  /**
   * {@link #attention} over keys of which the leading ones of sequences are in the KV cache.
   *
   * @param computed keys and values of the computed rows side by side, [rows, 2 · key width]
   * @param layer the KV cache of this layer
   * @param cached what lies where
   * @param all memory for all keys and values side by side, [keys, 2 · key width]; a backend need
   *     not use it
   */
  void attention(
      Activation q,
      Activation computed,
      KvLayer layer,
      CachedKeys cached,
      Activation all,
      int headSize,
      QueryRows queries,
      int[] limits,
      int window,
      Activation out);

  /** {@code out = silu(gate) · up}, where {@code gateUp} holds gate and up side by side. */
  void swiGlu(Activation gateUp, Activation out);

  /**
   * {@code out = gelu(gate) · up}, as {@link #swiGlu}, with the function of {@link Gate#TANH_GELU}.
   */
  void geGlu(Activation gateUp, Activation out);

  /** {@link #swiGlu} or {@link #geGlu}. */
  default void gated(Gate gate, Activation gateUp, Activation out) {
    switch (gate) {
      case SILU -> swiGlu(gateUp, out);
      case TANH_GELU -> geGlu(gateUp, out);
    }
  }

  /**
   * {@code sum[row] += Σ weight · expert(x[row])} over the experts that the row's router chooses;
   * the terms are added in the order of the experts. Ties of the router go to the lower expert.
   *
   * <p>The router's products are never rounded to less than f32: a choice between near equals would
   * turn on it.
   *
   * @param router [experts, hidden], an {@link #exactWeight}
   * @param weights of all experts
   * @param outputs memory for every chosen expert's output, [rows, experts per token · hidden]
   */
  void addExperts(
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights weights,
      Activation outputs,
      Activation sum);

  /**
   * {@code out[row] = Σ weight · expert(x[row])}, as {@link #addExperts} adds it, over the experts
   * that are chosen by another matrix's row.
   *
   * @param routed what the router multiplies, as many rows as {@code x}
   */
  void experts(
      Activation routed,
      Activation x,
      Weight router,
      Experts experts,
      ExpertWeights weights,
      Activation outputs,
      Activation out);

  /** {@code out[i] = x[rows[i]]}. */
  void gather(Activation x, int[] rows, Activation out);

  /** {@code out[rows[i]] = x[i]}; the rows are distinct, and the others stay. */
  void scatter(Activation x, int[] rows, Activation out);

  /** A KV cache of one layer; the host's memory is taken from the machine only as it is written. */
  KvLayer openKvLayer(int slots, int columns);

  /** {@code layer[slots[i]] = x[rows[i]]}. */
  void cache(Activation x, int[] rows, KvLayer layer, int[] slots);

  /** {@code out[rows[i]] = layer[slots[i]]}; the rows are distinct, and the others stay. */
  void restore(KvLayer layer, int[] slots, int[] rows, Activation out);

  /** {@code x[row] = x[unconditional] + (scale + 1) · (x[row] - x[unconditional])}. */
  void guide(Activation x, int row, int unconditional, double scale);

  /**
   * Reduces the logits {@code x · headᵀ} of each row to a {@link Prediction}, a tile at a time.
   *
   * @param cap if present, of {@link #softCap}, which they go through first
   */
  List<Prediction> vocabulary(Activation x, Weight head, OptionalDouble cap, List<RowDraw> draws);

  /** The same of logits as they are. */
  default List<Prediction> vocabulary(Activation x, Weight head, List<RowDraw> draws) {
    return vocabulary(x, head, OptionalDouble.empty(), draws);
  }

  /** {@code x = cap · tanh(x / cap)}. */
  void softCap(Activation x, double cap);

  /**
   * {@code out = softmax(logits / temperature)} along each row, of the logits that {@link
   * #vocabulary} reduces.
   *
   * @param out [rows, vocabulary]
   */
  void distribution(
      Activation x, Weight head, OptionalDouble cap, double temperature, Activation out);

  /** A copy of a weight with rows for columns. */
  Weight transposed(Weight w);

  /** Copies an activation to the host, row by row. */
  float[] read(Activation x);

  /** Frees the weights, the KV cache and the step's memory. */
  @Override
  void close();
}
