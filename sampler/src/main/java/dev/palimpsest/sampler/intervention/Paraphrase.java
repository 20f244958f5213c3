package dev.palimpsest.sampler.intervention;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Writes filled text in other words. The canvas keeps its length: words that need fewer positions
 * leave the last ones of their stretch masked again; words that need more, and words that the model
 * does not know, are not written.
 *
 * @param region where; each stretch between masks is paraphrased by itself
 * @param paraphraser how
 */
public record Paraphrase(Region region, Paraphraser paraphraser) implements CanvasTransform {
  @Override
  public String name() {
    return "paraphrase";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    List<Integer> remasked = new ArrayList<>();
    int changed = 0;
    int tooLong = 0;
    int unknown = 0;
    for (StepContext.Stretch stretch : context.stretches(region.positions(context))) {
      String text = paraphraser.paraphrase(stretch.text());
      if (text.equals(stretch.text())) {
        continue;
      }
      if (!context.language().unknownWords(text).isEmpty()) {
        unknown++;
        continue;
      }
      int[] ids = context.language().encode(text);
      if (ids.length > stretch.positions().size()) {
        tooLong++;
        continue;
      }
      changed++;
      for (int index = 0; index < stretch.positions().size(); index++) {
        int position = stretch.positions().get(index);
        if (index >= ids.length) {
          remasked.add(position);
        } else if (ids[index] != context.canvas().id(position)) {
          writes.put(position, ids[index]);
        }
      }
    }
    String cause =
        "%s in %s: %d stretches in other words, %d left because the words were too long, %d because"
                .formatted(paraphraser.name(), region.label(), changed, tooLong, unknown)
            + " the model does not know them";
    return Optional.of(new Change(cause, writes, remasked, false));
  }
}
