package dev.palimpsest.engine.backend.cuda;

import java.util.List;

/** A launch on a tape, whose arguments are asked for by the names of their parameters. */
record LaunchArguments(Tape tape, int at) {
  DeviceOp op() {
    return Launch.op(tape, at);
  }

  int gridX() {
    return (int) tape.word(at + 2);
  }

  int gridY() {
    return (int) tape.word(at + 3);
  }

  long blocks() {
    return (long) gridX() * gridY();
  }

  int value(String name) {
    return (int) word(name);
  }

  long word(String name) {
    List<Parameter> parameters = op().parameters();
    for (int i = 0; i < parameters.size(); i++) {
      if (parameters.get(i).name().equals(name)) {
        return tape.word(Launch.next(tape, at) - parameters.size() + i);
      }
    }
    throw new IllegalArgumentException(op().kernel() + " has no parameter named " + name);
  }
}
