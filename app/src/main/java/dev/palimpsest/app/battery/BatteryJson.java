package dev.palimpsest.app.battery;

import dev.palimpsest.lab.battery.Cell;
import dev.palimpsest.lab.battery.Contrast;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Figures;
import dev.palimpsest.lab.measure.Estimate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every number of a battery as JSON; {@code docs/battery.md} defines its fields. */
final class BatteryJson {
  private BatteryJson() {}

  /** What is written, without the date: the same observations give the same bytes. */
  static Map<String, Object> of(BatteryFacts facts, Figures figures) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("schema", 1);
    json.put("engine", facts.engine());
    json.put(
        "models",
        facts.models().stream()
            .map(
                model -> {
                  Map<String, Object> each = new LinkedHashMap<>();
                  each.put("name", model.name());
                  each.put("sha256", model.sha256());
                  each.put("sampler", model.sampler());
                  each.put("options", model.options());
                  each.put("precision", model.precision());
                  each.put("arithmetic", model.arithmetic());
                  return each;
                })
            .toList());
    json.put("file", facts.file());
    json.put("problems_sha256", facts.problems());
    json.put("answer_pattern", facts.answerPattern());
    json.put("settings", facts.settings());
    json.put("figures", figures.figures().stream().map(BatteryJson::figure).toList());
    json.put("cells", figures.cells().stream().map(BatteryJson::cell).toList());
    json.put("contrasts", figures.contrasts().stream().map(BatteryJson::contrast).toList());
    return json;
  }

  private static Map<String, Object> figure(Figure figure) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", figure.model());
    json.put("part", figure.part());
    json.put("name", figure.name());
    json.putAll(estimate(figure.estimate()));
    json.put("undefined_resamples", figure.undefined());
    return json;
  }

  private static Map<String, Object> cell(Cell cell) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", cell.model());
    json.put("part", cell.key().part());
    json.put("condition", cell.key().condition());
    cell.key().x().ifPresent(x -> json.put("x", x));
    cell.key().state().ifPresent(state -> json.put("state", state));
    json.put("items", cell.items());
    json.put("observations", cell.observations());
    json.put("answered", estimate(cell.answered()));
    json.put("same", estimate(cell.same()));
    json.put("right", estimate(cell.right()));
    json.put("nfe", cell.nfe());
    json.put("flags", estimates(cell.flags()));
    json.put("numbers", estimates(cell.numbers()));
    return json;
  }

  private static Map<String, Object> contrast(Contrast contrast) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("part", contrast.part());
    json.put("condition", contrast.condition());
    contrast.x().ifPresent(x -> json.put("x", x));
    json.put("outcome", contrast.outcome());
    json.putAll(estimate(contrast.difference()));
    json.put("p", contrast.p());
    json.put("p_holm", contrast.adjusted());
    return json;
  }

  private static Map<String, Object> estimates(Map<String, Estimate> named) {
    Map<String, Object> json = new LinkedHashMap<>();
    named.forEach((name, each) -> json.put(name, estimate(each)));
    return json;
  }

  /** A value, how many it is over and how many say as much, and its interval if it has one. */
  private static Map<String, Object> estimate(Estimate estimate) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("value", estimate.value());
    json.put("n", estimate.n());
    json.put("effective_n", estimate.effective());
    estimate
        .interval()
        .ifPresent(interval -> json.put("interval", List.of(interval.low(), interval.high())));
    return json;
  }
}
