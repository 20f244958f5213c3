package dev.palimpsest.sampler.method;

import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * An option that cannot be: one sentence with its name, its value, and what would be valid. Options
 * have the names of the reference implementations; who gave them under others asks for {@link
 * #message}.
 */
public final class InvalidOptionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final Pattern NAMED = Pattern.compile("\\{([a-z_]+)}");

  private final String subject;
  private final String value;
  private final String complaint;
  private final boolean isOption;

  /**
   * A complaint about an option.
   *
   * @param complaint names other options in braces, as <code>{gen_length}</code>
   */
  public InvalidOptionException(String option, Object value, String complaint) {
    this(option, String.valueOf(value), complaint, true);
  }

  private InvalidOptionException(String subject, String value, String complaint, boolean isOption) {
    super(sentence(subject, value, complaint, UnaryOperator.identity()));
    this.subject = subject;
    this.value = value;
    this.complaint = complaint;
    this.isOption = isOption;
  }

  /** A complaint about the prompt, which is no option. */
  static InvalidOptionException ofPrompt(String what, String complaint) {
    return new InvalidOptionException("prompt", what, complaint, false);
  }

  /** A complaint about a completion that is to be scored, which is no option. */
  static InvalidOptionException ofCompletion(String what, String complaint) {
    return new InvalidOptionException("completion", what, complaint, false);
  }

  /** A complaint about a canvas, which is no option. */
  static InvalidOptionException ofCanvas(String what, String complaint) {
    return new InvalidOptionException("canvas", what, complaint, false);
  }

  /** The option's reference name, {@code prompt}, {@code completion} or {@code canvas}. */
  public String option() {
    return subject;
  }

  /**
   * The sentence with other names of the options.
   *
   * @param naming from a reference name, as {@code gen_length}, to what its user typed
   */
  public String message(UnaryOperator<String> naming) {
    return sentence(isOption ? naming.apply(subject) : subject, value, complaint, naming);
  }

  private static String sentence(
      String subject, String value, String complaint, UnaryOperator<String> naming) {
    return subject
        + " "
        + value
        + " "
        + NAMED.matcher(complaint).replaceAll(match -> naming.apply(match.group(1)));
  }
}
