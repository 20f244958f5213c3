package dev.palimpsest.sampler.likelihood;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The example of the section "Likelihood" of {@code docs/measures.md}. */
final class LikelihoodPageTest {
  private static final int MASK = 2;
  private static final Passage TEXT = new Passage(new int[0], new int[] {0, 1});

  @Test
  void everyLikelihoodHasTheValueThatThePageGives() throws IOException {
    Map<String, Double> here = new LinkedHashMap<>();
    LogLikelihood chain = measured(new Chain());
    here.put("chain", chain.value());
    here.put("perplexity", Math.exp(-chain.value() / 2));
    here.put("elbo_exact", measured(new ExactBound()).value());
    here.put("a sample of elbo_mc", sample(0, 0));
    here.put("another", sample(1, 0, 0));
    here.put("coupled", measured(new CoupledMasks(1, 5)).value());
    here.put("full mask of b", chain.fullMask().get(1));
    Map<String, Double> page = page();
    assertThat(page.keySet()).containsExactlyElementsOf(here.keySet());
    here.forEach((name, value) -> assertThat(page.get(name)).isCloseTo(value, within(1e-5)));
  }

  /** The page's model. */
  private static Prediction predicted(Query query, int row) {
    int[] seen = query.tokens();
    double probability =
        row == 0 ? (seen[1] == MASK ? 1 / 2.0 : 3 / 4.0) : (seen[0] == MASK ? 1 / 4.0 : 1 / 2.0);
    return new Prediction(row, probability, row, 1, 0, 0, 0).scored(Math.log(probability));
  }

  private static LogLikelihood measured(Estimator estimator) {
    ModelLimits limits = new ModelLimits(3, 2, new AttentionPattern.Full());
    Measurement measurement = Measurement.of(TEXT, estimator, limits, MASK);
    return measurement.result(
        measurement.forwards().stream()
            .map(forward -> forward.query().get())
            .map(LikelihoodPageTest::predicted)
            .toList());
  }

  private static List<Prediction> predicted(Query query) {
    return IntStream.of(query.rows()).mapToObj(row -> predicted(query, row)).toList();
  }

  /** One sample of which these numbers are drawn. */
  private static double sample(int... numbers) {
    int[] next = {0};
    Plan plan = new MonteCarloBound(1, 0).plan(2, _ -> _ -> numbers[next[0]++]);
    Part part = Part.of(TEXT, new AttentionPattern.Full()).getFirst();
    return plan.result(
            plan.looks().stream()
                .map(look -> part.query(look, MASK, Draw.GREEDY))
                .map(LikelihoodPageTest::predicted)
                .map(
                    rows ->
                        rows.stream()
                            .mapToDouble(row -> row.targetLogProbability().orElseThrow())
                            .toArray())
                .toList())
        .value();
  }

  private static Map<String, Double> page() throws IOException {
    Map<String, Double> values = new LinkedHashMap<>();
    Files.readAllLines(Path.of("..", "docs", "measures.md")).stream()
        .dropWhile(line -> !line.equals("| likelihood | of | here |"))
        .skip(2)
        .takeWhile(line -> line.startsWith("|"))
        .map(line -> Arrays.asList(line.split("\\|", -1)))
        .forEach(
            cells -> values.put(cells.get(1).strip(), Double.parseDouble(cells.get(3).strip())));
    return values;
  }
}
