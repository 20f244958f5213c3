package dev.palimpsest.engine.backend.cuda;

import java.util.Locale;

/** The words of {@code docs/benchmarks/roofline.md}. */
final class RooflinePage {
  static final String HEAD =
      String.format(
          Locale.ROOT,
          """
      # What a step is predicted to take on an H100

      # PREDICTED: NOTHING HERE WAS MEASURED

      Every number follows from the operations that the engine writes down for a step and from the estimates below. No GPU computed
      anything. The page is written by `RooflineTest` and compared by every build, which fails when a step exceeds its budget in
      `engine/src/test/resources/roofline-budgets.csv`:

      ```
      ./mvnw -pl engine -am test -Dtest=RooflineTest -Dsurefire.failIfNoSpecifiedTests=false -Dpalimpsest.roofline.write=true
      ```

      | estimate | value | from |
      |---|---|---|
      | bandwidth of the memory | %.1f TB/s | 90 %% of the 3.35 TB/s that the maker gives |
      | bf16 products | %.0f TFLOP/s | 80 %% of the 989 TFLOP/s that the maker gives, which large products reach |
      | multiprocessors | %d | the maker |
      | bandwidth that one of them draws at most | %.0f GB/s | twice its share; a guess: about half of them draw all of it |
      | bandwidth of the second-level cache | %.1f TB/s | what tiles of 128 x 256, read in pairs, need for 790 TFLOP/s |
      | between two nodes of a graph | %.1f µs | a reading of launches without programmatic dependence; a guess |
      | attention | %.0f TFLOP/s | a reading of its machine code |
      | products of experts | %.0f TFLOP/s | a reading of its machine code |
      | router | %.0f TFLOP/s | a reading of its machine code |

      A step's **floor** is the sum over its products with weights of max(bytes / bandwidth, FLOP / 790 TFLOP/s); **with attention**, the same of keys,
      values and queries is added, each read once. The **prediction** adds up all operations and the gaps between them. A product takes
      the best of thirteen tile shapes: as many waves of tiles as 132 multiprocessors need, each wave as long as its arithmetic or its reads of the
      second-level cache, of which two neighbours share those of one matrix; or its bytes, whichever is longer. An operation of few blocks draws no
      more bandwidth than they can. Experts: those that are chosen if all are equally likely, padding rows
      included. All rows that are computed are asked for. Bytes count what comes from memory or goes there once; where a cache
      holds it, the prediction is too high.

      | step | nodes | weights, MB | beside products, MB | GFLOP | floor, ms | with attention, ms | predicted, ms | share of the floor | with attention |
      |---|---|---|---|---|---|---|---|---|---|
      """,
          Card.BANDWIDTH / 1e12,
          Card.FLOPS / 1e12,
          Card.MULTIPROCESSORS,
          Card.BANDWIDTH_OF_ONE / 1e9,
          Card.L2_BANDWIDTH / 1e12,
          1e6 * Card.GAP,
          Card.ATTENTION_FLOPS / 1e12,
          Card.EXPERT_FLOPS / 1e12,
          Card.ROUTER_FLOPS / 1e12);

  static final String COLUMNS =
      """
      | operation | nodes | weights, MB | other, MB | GFLOP | floor, µs | predicted, µs |
      |---|---|---|---|---|---|---|
      """;

  private RooflinePage() {}
}
