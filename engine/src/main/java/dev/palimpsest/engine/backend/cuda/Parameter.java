package dev.palimpsest.engine.backend.cuda;

import java.util.Locale;

/**
 * A parameter of a kernel.
 *
 * @param name as in {@code kernels-cu}
 */
record Parameter(Kind kind, String name) {

  /** What a parameter takes. */
  enum Kind {
    /** A place in the device's memory. */
    ADDRESS("an address"),
    /** A place in the device's memory, given as a byte of the step's input. */
    INPUT("a byte of the step's input"),
    INT("an int"),
    LONG("a long"),
    FLOAT("a float");

    private final String described;

    Kind(String described) {
      this.described = described;
    }

    /** The kind with its article, for a message. */
    String described() {
      return described;
    }
  }

  /** The parameter that is declared as {@code int columns} is. */
  static Parameter of(String declaration) {
    String[] words = declaration.split(" ", 2);
    return new Parameter(Kind.valueOf(words[0].toUpperCase(Locale.ROOT)), words[1]);
  }
}
