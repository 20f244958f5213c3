package dev.palimpsest.jinja;

/**
 * A piece of a template.
 *
 * @param text of a text or string, its content; else as written
 * @param line on which it stands, from 1
 */
record Token(Kind kind, String text, int line) {
  /** The kinds of pieces. */
  enum Kind {
    TEXT,
    PRINT_BEGIN,
    PRINT_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  /** The piece as a message shows it. */
  String shown() {
    return switch (kind) {
      case END -> "the end of the template";
      case PRINT_END -> "\"}}\"";
      case BLOCK_END -> "\"%}\"";
      default -> '"' + text + '"';
    };
  }
}
