package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A launch is held to the parameters of its operation. */
final class LaunchTest {
  private final Tape tape = new Tape();
  private final Launch launch = new Launch(tape);

  private void begin(DeviceOp op) {
    Launch _ = launch.begin(op, 1, 1, 256, 0);
  }

  private void give(Parameter.Kind kind) {
    Launch _ =
        switch (kind) {
          case ADDRESS -> launch.address(1);
          case INPUT -> launch.input(1);
          case INT -> launch.value(1);
          case LONG -> launch.value(1L);
          case FLOAT -> launch.value(1f);
        };
  }

  private void giveAll(List<Parameter> parameters) {
    parameters.forEach(each -> give(each.kind()));
  }

  @ParameterizedTest
  @EnumSource
  void whatAnOperationDeclaresIsWhatItsLaunchTakes(DeviceOp op) {
    begin(op);
    int before = tape.length();
    giveAll(op.parameters());
    assertThatCode(launch::end).doesNotThrowAnyException();
    assertThat(tape.length() - before).isEqualTo(op.parameters().size());
  }

  @ParameterizedTest
  @EnumSource
  void oneArgumentTooFewIsRefusedWhenTheNextLaunchBegins(DeviceOp op) {
    int count = op.parameters().size();
    Parameter last = op.parameters().getLast();
    begin(op);
    giveAll(op.parameters().subList(0, count - 1));
    assertThatThrownBy(() -> begin(DeviceOp.EMBED))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "%s takes %d arguments, and its launch gives %d: the next is %s, %s",
            op.kernel(), count, count - 1, last.name(), last.kind().described());
  }

  @ParameterizedTest
  @EnumSource
  void oneArgumentTooManyIsRefused(DeviceOp op) {
    begin(op);
    giveAll(op.parameters());
    assertThatThrownBy(() -> launch.value(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "%s takes %d arguments, and its launch gives it one more, an int",
            op.kernel(), op.parameters().size());
  }

  @ParameterizedTest
  @EnumSource
  void anArgumentOfAnyOtherKindIsRefusedInEveryPlace(DeviceOp op) {
    for (int i = 0; i < op.parameters().size(); i++) {
      Parameter parameter = op.parameters().get(i);
      List<Parameter.Kind> others = new ArrayList<>(List.of(Parameter.Kind.values()));
      others.remove(parameter.kind());
      for (Parameter.Kind other : others) {
        launch.clear();
        begin(op);
        giveAll(op.parameters().subList(0, i));
        assertThatThrownBy(() -> give(other))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(
                "argument %d of %s, %s, is %s, and its launch gives %s",
                i + 1,
                op.kernel(),
                parameter.name(),
                parameter.kind().described(),
                other.described());
      }
    }
  }

  @Test
  void anArgumentBeforeAnyLaunchIsRefused() {
    assertThatThrownBy(() -> launch.value(1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("an argument is given before a launch begins");
  }

  @Test
  void aLaunchThatIsForgottenNeedsNoArguments() {
    begin(DeviceOp.SWIGLU);
    launch.clear();
    assertThatCode(() -> begin(DeviceOp.SWIGLU)).doesNotThrowAnyException();
  }
}
