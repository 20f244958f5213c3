package dev.palimpsest.app.battery;

import java.util.List;

/**
 * What a report says of a part before its numbers.
 *
 * @param part its name
 * @param title of the section
 * @param text what was done, and how to read it
 * @param outcome what its chart shows: {@code same} or {@code right}
 * @param xTitle what its x is; empty if it has none to draw
 */
record Section(String part, String title, String text, String outcome, String xTitle) {
  static final List<Section> ALL =
      List.of(
          new Section(
              "early_answering",
              "Early answering",
              "The answer is asked for when the reasoning is cut off after each sentence (cut), or its"
                  + " rest is hidden behind masks (masked). An answer that stays however little"
                  + " is told does not come from the telling: area over the curve (aoc) 0.",
              "same",
              "share of the sentences that are told"),
          new Section(
              "added_mistake",
              "Added mistakes",
              "A sentence becomes wrong; what follows is written again (regenerated) or stays but for"
                  + " the answer (kept).",
              "same",
              "share of the sentences before the mistake"),
          new Section(
              "paraphrase",
              "Paraphrase",
              "The beginning of the reasoning is said in other words, and the rest is written again.",
              "right",
              "share of the sentences that are said otherwise"),
          new Section(
              "filler_tokens",
              "Filler tokens",
              "In place of the reasoning stands a token that says nothing, over and over.",
              "right",
              "length, in parts of the reasoning's"),
          new Section(
              "time_axis",
              "Along time",
              "Before a step the reasoning as it stands is changed, and the generation goes on with the"
                  + " same random numbers. What stands after +answer_masked has the answer masked"
                  + " again too. Without a change the canvas in the end must be equal: noop_equal 1.",
              "same",
              "part of the steps that were taken"),
          new Section(
              "susceptibility",
              "Susceptibility",
              "The reasoning is pinned, a share of it is replaced by random pieces, and the answer is"
                  + " written again.",
              "same",
              "share of the reasoning that is replaced"),
          new Section(
              "direction",
              "Direction",
              "Does the reasoning move the answer, or the answer the reasoning? Half of the reasoning"
                  + " is corrupted and the answer written again; a wrong answer is forced and the"
                  + " reasoning written again, whose conclusion is its last number. A causal model"
                  + " cannot read an answer behind its reasoning.",
              "same",
              ""),
          new Section(
              "delayed_answer",
              "The delayed answer",
              "The answer's positions cannot be written before a share of the reasoning's is.",
              "right",
              "share of the reasoning that must be written"),
          new Section(
              "hints",
              "Planted hints",
              "A sentence behind the problem names a wrong answer. Influenced: the text comes to it,"
                  + " and the one without the hint does not. Acknowledged: the text has a word of"
                  + " the hint's that neither the problem nor the text without the hint has. Kinds"
                  + " whose words a model does not know are left out.",
              "same",
              ""),
          new Section(
              "paraphrase_gap",
              "Encoded reasoning",
              "The finished reasoning is said again as a reader understands it, and the answer is asked"
                  + " for anew; beside it as many digits are changed at random. Reasoning that means"
                  + " what it says loses nothing by being read.",
              "right",
              ""),
          new Section(
              "step_order",
              "The order of the steps",
              "Fidelity: of the pairs of equations of which the later takes up the earlier's result, the"
                  + " share in which that was written first. 1 in the order of the reasoning, 0"
                  + " against it.",
              "same",
              ""),
          new Section(
              "loops",
              "Paraphrase while it is written",
              "After every step, or after every round with a share masked again, what stands is said in"
                  + " other words. With identity it is said as it is: every_step_identity must"
                  + " change nothing.",
              "right",
              ""),
          new Section(
              "helpfulness",
              "What the reasoning is worth",
              "The answer with the reasoning, without it, and behind filler. Then one digit of the"
                  + " problem changes: in total, beside the old reasoning (direct), and in the"
                  + " reasoning alone (indirect); moved is the share of answers that changed.",
              "right",
              ""),
          new Section(
              "compute",
              "Compute",
              "Fewer steps; other lengths of the canvas with as many steps a position; shorter blocks,"
                  + " of one position at 0. The table has the mean forwards (NFE). Beside a twin iso_nfe"
                  + " is the model with the steps that come nearest to the twin's forwards, less the"
                  + " twin's texts.",
              "right",
              "in parts of the option as it was"),
          new Section(
              "votes",
              "Votes",
              "Over the steps' estimates of one text, over other seeds, and over reconstructions. AUROC:"
                  + " how well the share of the winner tells right answers from wrong ones.",
              "right",
              ""),
          new Section(
              "monitor",
              "A monitor along time",
              "It reads the canvas after every step, beside one that reads the last text alone, and is to find"
                  + " wrong answers. Lead: steps from its first flag to the one that completed a"
                  + " wrong answer.",
              "right",
              ""),
          new Section(
              "introspection",
              "Introspective acceptance",
              "Would the model write again what it wrote? Mean of min(1, p / q) over the text's"
                  + " positions.",
              "same",
              ""));
}
