package dev.palimpsest.engine.backend.cuda;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.engine.backend.cuda.MachineCode.Loop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What the kernels became for an H100, against {@code machine-code.csv}: a kernel's main loop is
 * the longest loop that has none in it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MachineCodeTest {
  private static final Path HOME = Path.of(System.getProperty("palimpsest.home", ".."));
  private static final String ARCHITECTURE = "sm_90a";
  private static final Path CUBIN = HOME.resolve("native/target/palimpsest.sm_90a.cubin");
  private static final Path TABLE = HOME.resolve("engine/src/test/resources/machine-code.csv");

  private static final Pattern LOCAL_MEMORY = Pattern.compile("\\b(LDL|STL)\\b");
  private static final Pattern CALL = Pattern.compile("\\bCALL\\b");
  private static final Pattern WIDE_LOAD = Pattern.compile("\\b(LDG|LDGSTS)\\.\\S*\\b128\\b");
  private static final Pattern EXPONENTIAL = Pattern.compile("\\bMUFU\\.EX2\\b");
  private static final Pattern TO_DOUBLE = Pattern.compile("\\bF2F\\.F64\\b");

  private static final int REGISTERS = 64 << 10;
  private static final int REGISTER_UNIT = 256;
  private static final int WARP = 32;
  private static final int SCHEDULERS = 4;
  private static final int MOST_WARPS = 64;
  private static final int MOST_BLOCKS = 32;
  private static final int SHARED_BYTES = 228 << 10;
  private static final int SHARED_BYTES_OF_DRIVER = 1 << 10;

  /**
   * A line of the table.
   *
   * @param sharedBytes that a launch asks for
   * @param blocks that a multiprocessor holds at least
   * @param loop instructions that the main loop has at most
   * @param wideLoads loads of 128 bits from global memory that a loop without another in it has at
   *     least; of the whole kernel where it has no such loop
   */
  private record Gate(String kernel, int sharedBytes, int blocks, int loop, int wideLoads) {
    static List<Gate> all() throws IOException {
      return Files.readAllLines(TABLE).stream()
          .skip(1)
          .map(line -> line.split(",", -1))
          .map(
              cells ->
                  new Gate(
                      cells[0],
                      Integer.parseInt(cells[1]),
                      Integer.parseInt(cells[2]),
                      Integer.parseInt(cells[3]),
                      Integer.parseInt(cells[4])))
          .toList();
    }
  }

  /** Disassembled when a test first asks for them. */
  private final Map<String, MachineCode> kernels = new TreeMap<>();

  private Map<String, MachineCode> kernels() throws IOException {
    assumeTrue(Files.exists(CUBIN), "without nvcc there is no machine code of the kernels");
    Optional<Path> disassembler = MachineCode.disassembler();
    assumeTrue(
        disassembler.isPresent(),
        "nvdisasm is neither on the path nor in CUDA_HOME/bin or native/target/tools");
    if (kernels.isEmpty()) {
      kernels.putAll(MachineCode.of(disassembler.get(), CUBIN));
    }
    assertThat(kernels).hasSizeGreaterThan(DeviceOp.values().length);
    return kernels;
  }

  private MachineCode code(String kernel) throws IOException {
    return requireNonNull(kernels().get(kernel), kernel + " is not in the cubin");
  }

  @Test
  void noKernelOfAStepKeepsAnythingInLocalMemory() throws IOException {
    List<String> spilling = new ArrayList<>();
    kernels()
        .forEach(
            (name, code) -> {
              // The argument reduction of sines has a table there, which small angles never need.
              if (!name.startsWith(DeviceOp.RANDOM.kernel()) && code.count(LOCAL_MEMORY) > 0) {
                spilling.add(name);
              }
            });
    assertThat(spilling).isEmpty();
  }

  private static int mainLoop(MachineCode code) {
    return code.innermost().stream().mapToInt(Loop::length).max().orElse(0);
  }

  private static long wideLoads(MachineCode code) {
    return code.innermost().stream()
        .mapToLong(loop -> code.count(WIDE_LOAD, loop))
        .filter(count -> count > 0)
        .max()
        .orElseGet(() -> code.count(WIDE_LOAD));
  }

  /** What lacks is named as a line of what the kernel has today, but for the shared bytes. */
  @Test
  void theTableHasEveryKernel() throws IOException {
    List<String> listed = Gate.all().stream().map(Gate::kernel).toList();
    List<String> lacking = new ArrayList<>();
    kernels()
        .forEach(
            (name, code) -> {
              if (!listed.contains(name)) {
                lacking.add("%s,0,1,%d,%d".formatted(name, mainLoop(code), wideLoads(code)));
              }
            });
    assertThat(lacking).isEmpty();
    assertThat(listed).isSubsetOf(kernels().keySet());
  }

  @Test
  void noMainLoopIsLongerThanTheTableSays() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Gate gate : Gate.all()) {
      int length = mainLoop(code(gate.kernel));
      if (length > gate.loop) {
        wrong.add("%s: %d instructions, not %d".formatted(gate.kernel, length, gate.loop));
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void loopsLoad128BitsAtATime() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Gate gate : Gate.all()) {
      long loads = wideLoads(code(gate.kernel));
      if (loads < gate.wideLoads) {
        wrong.add("%s: %d, not %d".formatted(gate.kernel, loads, gate.wideLoads));
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void swiGluCallsNothing() throws IOException {
    for (String kernel : List.of("swiglu_bf16", "swiglu_f32")) {
      assertThat(code(kernel).count(CALL)).as(kernel).isZero();
    }
  }

  /** Where nothing is drawn, the logits' exponentials are added up without double precision. */
  @Test
  void aGreedyFoldConvertsNoLogitToDouble() throws IOException {
    MachineCode fold = code("vocabulary_fold");
    assertThat(fold.count(EXPONENTIAL)).isPositive();
    assertThat(fold.hasWay(EXPONENTIAL, TO_DOUBLE)).isTrue();
  }

  @Test
  void aMultiprocessorHoldsTheBlocksOfTheTable() throws IOException {
    assumeTrue(
        KernelBlocks.areReported(), "without nvcc nobody knows what registers a kernel uses");
    Map<String, Integer> threads = KernelBlocks.threads();
    List<Gate> gates = Gate.all();
    List<String> listed = gates.stream().map(Gate::kernel).toList();
    List<String> wrong = new ArrayList<>();
    for (KernelBlocks.Report report : KernelBlocks.reports()) {
      if (!report.architecture().equals(ARCHITECTURE)) {
        continue;
      }
      int at = listed.indexOf(report.kernel());
      if (at >= 0) {
        int blocks =
            blocks(
                report,
                requireNonNull(threads.get(report.listed()), report.kernel()),
                gates.get(at).sharedBytes);
        if (blocks < gates.get(at).blocks) {
          wrong.add("%s: %d, not %d".formatted(report.kernel(), blocks, gates.get(at).blocks));
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  /** As NVIDIA's occupancy calculator counts for compute capability 9.0. */
  private static int blocks(KernelBlocks.Report report, int threads, int asked) {
    int warps = Math.ceilDiv(threads, WARP);
    int ofWarp = Math.ceilDiv(report.registers() * WARP, REGISTER_UNIT) * REGISTER_UNIT;
    int ofRegisters = REGISTERS / ofWarp / SCHEDULERS * SCHEDULERS / warps;
    int ofShared = SHARED_BYTES / (report.sharedBytes() + asked + SHARED_BYTES_OF_DRIVER);
    return Math.min(Math.min(MOST_BLOCKS, MOST_WARPS / warps), Math.min(ofRegisters, ofShared));
  }
}
