package dev.palimpsest.app.compare;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.palimpsest.api.HandedOn;
import dev.palimpsest.app.file.Problem;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A contestant that is ready to answer. */
interface Race extends AutoCloseable {
  /** The backend that computes, in words. */
  String backend();

  /** What writes its texts: the name of a sampler, or a server's kind of request. */
  String sampler();

  /** The options that texts are written with, by their reference names. */
  Map<String, Object> options();

  /** What passes between the steps that write its texts, if it is known. */
  Optional<HandedOn> handedOn();

  /** Why a problem cannot be asked, if its prompt does not fit. */
  Optional<String> refusal(Problem problem);

  /**
   * Asks for every problem, as many at once as said, each as soon as another is done.
   *
   * @param concurrency 1 or more
   */
  Result run(List<Problem> problems, int concurrency);

  @Override
  void close();

  /**
   * The answers of a run, and what they took.
   *
   * @param seconds from the first submission to the last completion
   * @param memory that it took, if this process can tell
   * @param answers in the order of the problems
   */
  record Result(double seconds, Optional<Memory> memory, List<Answer> answers) {
    /** Copies the answers. */
    public Result {
      answers = List.copyOf(answers);
    }

    /** Tokens of the texts, by the time of the whole run. */
    double tokensPerSecond() {
      return answers.stream().mapToInt(Answer::textTokens).sum() / seconds;
    }
  }

  /**
   * Memory of a contestant, as if it were alone. The process's heap and what threads work with is
   * not in it.
   *
   * @param weightBytes where they are computed with
   * @param kvCacheBytes keys and values in the KV cache at the end of the run
   * @param stepBytes activations of its largest step
   */
  record Memory(long weightBytes, @JsonProperty("kept_bytes") long kvCacheBytes, long stepBytes) {}
}
