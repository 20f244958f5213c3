package dev.palimpsest.sampler.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class GeneratorTest {
  private static final SpecialTokens SPECIALS = new SpecialTokens(0, 1, OptionalInt.of(2));
  private static final LladaOptions OPTIONS =
      LladaOptions.builder().genLength(8).blockLength(4).steps(4).build();

  private final HashModel model = new HashModel(9, 1, 3, 0, -1);
  private final Generator generator =
      new Generator(model, new ModelLimits(9, 32, new AttentionPattern.Full()), SPECIALS);

  @Test
  void aGenerationIsItsLastSnapshot() {
    List<Snapshot> snapshots = new ArrayList<>();
    Generation generation = generator.generate(new int[] {3, 4}, OPTIONS, snapshots::add);
    assertThat(snapshots).hasSize(4);
    assertThat(generation.canvas()).isEqualTo(snapshots.getLast().canvas());
    assertThat(generation.complete()).isTrue();
    assertThat(generation.forwards()).isEqualTo(4);
    assertThat(generation.committed()).isEqualTo(8);
    assertThat(generation.tokensPerForward()).isEqualTo(generation.tokens().length / 4.0);
    assertThat(generation.totalNanos()).isEqualTo(snapshots.getLast().elapsedNanos());
    assertThat(generation.firstSnapshotNanos()).isEqualTo(snapshots.getFirst().elapsedNanos());
    assertThat(generation.ids()).startsWith(3, 4).endsWith(generation.generated());
  }

  @Test
  void manyRequestsAreAnsweredInTheirOrder() {
    List<Request> requests = new ArrayList<>();
    for (int length = 0; length < 6; length++) {
      requests.add(generator.request(new int[length], OPTIONS, SnapshotListener.NONE));
    }
    List<Generation> generations = generator.generateAll(requests, 40);
    for (int length = 0; length < 6; length++) {
      assertThat(generations.get(length).promptLength()).isEqualTo(length);
      assertThat(generations.get(length).canvas())
          .isEqualTo(generator.generate(new int[length], OPTIONS, SnapshotListener.NONE).canvas());
    }
    assertThat(generator.generateAll(List.of(), Driver.UNLIMITED)).isEmpty();
  }

  @Test
  void aTextEndsBeforeItsFirstStopId() {
    Generation generation = generation(6, 4, 5, 2, 7, 1);
    assertThat(generation.tokens()).containsExactly(4, 5);
    assertThat(generation.stopped()).isTrue();
    assertThat(generation.tokensPerForward()).isEqualTo(0.4);
    generation = generation(6, 4, 5, 6);
    assertThat(generation.tokens()).containsExactly(4, 5, 6);
    assertThat(generation.stopped()).isFalse();
  }

  @Test
  void aStopIdInThePromptEndsNothing() {
    Generation generation = generation(1, 4, 1);
    assertThat(generation.tokens()).containsExactly(4);
  }

  @Test
  void anInterruptEndsAGenerationBetweenTwoSteps() {
    Generation generation;
    boolean interrupted;
    try {
      generation =
          generator.generate(
              new int[] {3},
              OPTIONS,
              snapshot -> {
                if (snapshot.step() == 1) {
                  Thread.currentThread().interrupt();
                }
              });
    } finally {
      interrupted = Thread.interrupted();
    }
    assertThat(interrupted).isTrue();
    assertThat(generation.complete()).isFalse();
    assertThat(generation.forwards()).isEqualTo(2);
    assertThat(generation.committed()).isEqualTo(4);
    assertThat(generation.tokens()).hasSizeLessThanOrEqualTo(4);
    assertThat(model.forwards).isEqualTo(2);
  }

  @Test
  void aWrongRequestIsRefusedBeforeItBegins() {
    assertThatThrownBy(() -> generator.run(new int[] {9}, OPTIONS))
        .isInstanceOf(InvalidOptionException.class);
    assertThat(model.forwards).isZero();
  }

  @Test
  void whoIsInterruptedBeforeTheFirstStepHearsOfEveryRequest() {
    List<Request> requests =
        List.of(
            generator.request(new int[] {3}, OPTIONS, SnapshotListener.NONE),
            generator.request(new int[] {4}, OPTIONS, SnapshotListener.NONE));
    List<Generation> generations;
    Thread.currentThread().interrupt();
    try {
      generations = generator.generateAll(requests, Driver.UNLIMITED);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(generations)
        .hasSize(2)
        .allSatisfy(
            each -> {
              assertThat(each.complete()).isFalse();
              assertThat(each.forwards()).isZero();
            });
  }

  @Test
  void specialIdsMustBeTokensAndAMaskNoStop() {
    assertThatThrownBy(
            () ->
                new Generator(model, new ModelLimits(2, 32, new AttentionPattern.Full()), SPECIALS))
        .hasMessage("the end-of-turn id 2 is no token: ids are 0 to 1");
    assertThatThrownBy(() -> new SpecialTokens(1, 1, OptionalInt.empty()))
        .hasMessage("the mask id 1 is also a stop id");
    assertThatThrownBy(() -> new SpecialTokens(1, 0, OptionalInt.of(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static Generation generation(int prompt, int... text) {
    Canvas canvas = new Canvas(new int[] {prompt}, text.length, 0);
    for (int index = 0; index < text.length; index++) {
      canvas.commit(1 + index, text[index]);
    }
    return new Generation(
        canvas.image(), SPECIALS, text.length, true, text.length, 0, text.length, 1, 2);
  }
}
