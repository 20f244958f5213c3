package dev.palimpsest.lab.study;

/** A prompt with a known answer. */
public final class Question {
  private final int number;
  private final int[] prompt;
  private final String answer;

  /**
   * A question.
   *
   * @param number in its file, from 0; added to the seed, so that every question has its own
   * @param prompt its ids; copied
   * @param answer the right one
   */
  public Question(int number, int[] prompt, String answer) {
    this.number = number;
    this.prompt = prompt.clone();
    this.answer = answer;
  }

  /** Its number in its file, from 0. */
  public int number() {
    return number;
  }

  /** A copy of its ids. */
  public int[] prompt() {
    return prompt.clone();
  }

  /** The right answer. */
  public String answer() {
    return answer;
  }
}
