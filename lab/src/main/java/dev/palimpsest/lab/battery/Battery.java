package dev.palimpsest.lab.battery;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/**
 * Parts that are done with every problem.
 *
 * @param parts in their order
 * @param atOnce problems that are under way at once; changes no result
 * @param maxTokens bound on the tokens of a forward; changes no result
 */
public record Battery(List<Part> parts, int atOnce, long maxTokens) {
  /** Takes its own copy. */
  public Battery {
    parts = List.copyOf(parts);
  }

  /**
   * A problem that is done.
   *
   * @param trace of the text without a change, as a file holds it
   */
  public record Done(ItemResult result, byte[] trace) {}

  /**
   * Does all of it with a model.
   *
   * @param done is told of each problem on the calling thread, in the order in which they end
   * @throws CancellationException if the thread is interrupted
   */
  public void run(Subject subject, List<Task> tasks, Consumer<Done> done) {
    Bench bench = new Bench(subject.denoiser(), maxTokens);
    bench.each(
        tasks.iterator(),
        atOnce,
        task -> measure(subject, task, bench),
        (_, each) -> done.accept(each));
  }

  private Done measure(Subject subject, Task task, Bench bench) {
    Solution solution = Solution.of(subject, task, bench);
    List<Observation> observations = new ArrayList<>();
    for (Part part : parts) {
      if (solution.spans().isPresent() || !part.needsAnswer()) {
        part.measure(solution, observations::add);
      }
    }
    ItemResult result =
        new ItemResult(
            subject.name(),
            task.number(),
            task.id(),
            task.expected(),
            task.steps(),
            solution.options().seed(),
            solution.text(),
            solution.sentences().size(),
            solution.answer(),
            solution.right(),
            solution.nfe(),
            solution.measures().values(),
            observations);
    return new Done(result, solution.traceBytes());
  }
}
