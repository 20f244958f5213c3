package dev.palimpsest.engine.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A kernel's machine code as {@code nvdisasm} writes it.
 *
 * @param instructions in the order of their addresses
 * @param targets of the instructions that branch, by their places
 */
record MachineCode(List<String> instructions, Map<Integer, Integer> targets) {
  private static final Path HOME = Path.of(System.getProperty("palimpsest.home", ".."));
  private static final Pattern START = Pattern.compile("\\.text\\.(\\w+):");
  private static final Pattern LABEL = Pattern.compile("(\\.L_\\w+):");
  private static final Pattern INSTRUCTION =
      Pattern.compile("\\s+/\\*[0-9a-f]{4,}\\*/\\s+(.*?)\\s*;");
  private static final Pattern BRANCH =
      Pattern.compile("(@!?U?P\\d )? *BRA\\S* *(!?U?P\\d, *)?`\\((\\.L_\\w+)\\)");
  private static final Pattern END = Pattern.compile("(@!?U?P\\d )? *(EXIT|RET).*");

  /** A loop from its first instruction to the branch that goes back there. */
  record Loop(int first, int last) {
    int length() {
      return last - first + 1;
    }

    private boolean holds(Loop other) {
      return first <= other.first && other.last <= last && !equals(other);
    }
  }

  /** The disassembler: on the path, of an installed CUDA, or where {@code .ci/run} puts one. */
  static Optional<Path> disassembler() {
    Stream<Path> folders =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
            .filter(each -> !each.isEmpty())
            .map(Path::of);
    Stream<Path> others =
        Stream.of(
            Path.of(System.getenv().getOrDefault("CUDA_HOME", "/usr/local/cuda"), "bin"),
            HOME.resolve("native/target/tools"));
    return Stream.concat(folders, others)
        .map(folder -> folder.resolve("nvdisasm").toAbsolutePath())
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** The code of every kernel in a cubin, by name. */
  static Map<String, MachineCode> of(Path disassembler, Path cubin) throws IOException {
    Process process =
        new ProcessBuilder(disassembler.toString(), "-c", cubin.toAbsolutePath().toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Map<String, MachineCode> kernels = new TreeMap<>();
    try (Stream<String> lines = process.inputReader().lines()) {
      List<String> own = new ArrayList<>();
      for (String line : (Iterable<String>) lines::iterator) {
        if (line.startsWith("//-")) {
          put(own, kernels);
          own.clear();
        }
        own.add(line);
      }
      put(own, kernels);
    }
    return kernels;
  }

  /** Adds the kernel of a section, if the section is one of code. */
  private static void put(List<String> lines, Map<String, MachineCode> kernels) {
    String name = "";
    List<String> instructions = new ArrayList<>();
    Map<String, Integer> labels = new HashMap<>();
    for (String line : lines) {
      Matcher start = START.matcher(line);
      Matcher label = LABEL.matcher(line);
      Matcher instruction = INSTRUCTION.matcher(line);
      if (start.matches()) {
        name = start.group(1);
      } else if (label.matches()) {
        labels.put(label.group(1), instructions.size());
      } else if (instruction.lookingAt()) {
        instructions.add(instruction.group(1));
      }
    }
    if (name.isEmpty()) {
      return;
    }
    Map<Integer, Integer> targets = new HashMap<>();
    for (int i = 0; i < instructions.size(); i++) {
      Matcher branch = BRANCH.matcher(instructions.get(i));
      if (branch.matches()) {
        targets.put(i, labels.getOrDefault(branch.group(3), instructions.size()));
      }
    }
    kernels.put(name, new MachineCode(List.copyOf(instructions), targets));
  }

  /** Instructions that have a part of this pattern. */
  long count(Pattern pattern) {
    return instructions.stream().filter(each -> pattern.matcher(each).find()).count();
  }

  long count(Pattern pattern, Loop loop) {
    return instructions.subList(loop.first, loop.last + 1).stream()
        .filter(each -> pattern.matcher(each).find())
        .count();
  }

  /** Loops that have no other one in them. */
  List<Loop> innermost() {
    List<Loop> all =
        targets.entrySet().stream()
            .filter(branch -> branch.getValue() < branch.getKey())
            .map(branch -> new Loop(branch.getValue(), branch.getKey()))
            .distinct()
            .toList();
    return all.stream().filter(each -> all.stream().noneMatch(each::holds)).toList();
  }

  /**
   * Whether there is a way from the kernel's start to one of its ends that has an instruction of
   * the pattern {@code through} and none of {@code without}.
   */
  boolean hasWay(Pattern through, Pattern without) {
    BitSet open = new BitSet();
    List<List<Integer>> before = new ArrayList<>();
    for (int i = 0; i < instructions.size(); i++) {
      open.set(i, !without.matcher(instructions.get(i)).find());
      before.add(new ArrayList<>());
    }
    BitSet ends = new BitSet();
    for (int i = 0; i < instructions.size(); i++) {
      for (int next : next(i)) {
        before.get(next).add(i);
      }
      ends.set(i, END.matcher(instructions.get(i)).matches());
    }
    BitSet start = new BitSet();
    start.set(0);
    BitSet both = reached(start, open, this::next);
    both.and(reached(ends, open, before::get));
    return both.stream().anyMatch(i -> through.matcher(instructions.get(i)).find());
  }

  private static BitSet reached(BitSet from, BitSet open, IntFunction<List<Integer>> steps) {
    BitSet reached = new BitSet();
    Deque<Integer> waiting = new ArrayDeque<>(from.stream().boxed().toList());
    while (!waiting.isEmpty()) {
      int at = waiting.pop();
      if (open.get(at) && !reached.get(at)) {
        reached.set(at);
        waiting.addAll(steps.apply(at));
      }
    }
    return reached;
  }

  /** Where it may go on after an instruction; a call comes back. */
  private List<Integer> next(int at) {
    List<Integer> next = new ArrayList<>();
    String instruction = instructions.get(at);
    Matcher branch = BRANCH.matcher(instruction);
    boolean stays = true;
    if (branch.matches()) {
      next.add(targets.getOrDefault(at, instructions.size()));
      stays = branch.group(1) != null || branch.group(2) != null;
    } else if (END.matcher(instruction).matches()) {
      stays = instruction.startsWith("@");
    }
    if (stays) {
      next.add(at + 1);
    }
    next.removeIf(each -> each >= instructions.size());
    return next;
  }
}
