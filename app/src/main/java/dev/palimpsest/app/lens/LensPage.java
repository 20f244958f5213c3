package dev.palimpsest.app.lens;

import dev.palimpsest.app.chart.Html;
import dev.palimpsest.app.trace.ViewerPage;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.lens.LensStatistics;
import dev.palimpsest.lab.lens.LensStep;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The page of {@code lens}: the program in the resource {@code lens.html}, and in it what every
 * block had at every step, probabilities in thousandths.
 */
final class LensPage {
  private LensPage() {}

  static String of(Trace trace, List<LensStep> steps, LensStatistics statistics, SpanRule rule) {
    ObjectNode json = JsonMapper.shared().createObjectNode();
    int prompt = trace.last().promptLength();
    json.put("name", Path.of(trace.name()).getFileName().toString());
    json.put("model", trace.header().model().name());
    json.put("steps", trace.steps());
    json.put("blocks", statistics.blocks().size());
    ObjectNode pieces = json.putObject("pieces");
    trace.pieces().forEach((id, text) -> pieces.put(String.valueOf(id), text));
    ArrayNode positions = json.putArray("positions");
    for (LensStatistics.Position each : statistics.positions()) {
      positions
          .addObject()
          .put("at", each.position() - prompt)
          .put("id", trace.last().id(each.position()))
          .put("commit", each.commitStep());
    }
    ArrayNode answer = json.putArray("answer");
    rule.find(Spans.known(trace.last()), prompt, trace.header().specials(), trace::piece)
        .ifPresent(
            spans ->
                Arrays.stream(spans.answerPositions()).forEach(each -> answer.add(each - prompt)));
    ArrayNode texts = json.putArray("texts");
    for (int step = 0; step < trace.steps(); step++) {
      texts.add(text(trace, trace.canvasBefore(step)));
    }
    ArrayNode read = json.putArray("read");
    for (LensStep step : steps) {
      ObjectNode node = read.addObject().put("step", step.step());
      ArrayNode at = node.putArray("at");
      for (int position : step.positions()) {
        at.add(position - prompt);
      }
      ArrayNode tokens = node.putArray("tokens");
      ArrayNode tops = node.putArray("tops");
      ArrayNode finals = node.putArray("finals");
      for (List<Prediction> block : step.blocks()) {
        ArrayNode ids = tokens.addArray();
        ArrayNode top = tops.addArray();
        ArrayNode own = finals.addArray();
        for (Prediction each : block) {
          ids.add(each.argmax());
          top.add(Math.round(1000 * each.top()));
          own.add(Math.round(1000 * StrictMath.exp(each.targetLogProbability().orElseThrow())));
        }
      }
    }
    return ViewerPage.dressed(resource()).replace("@LENS@", Html.script(json.toString()));
  }

  private static String text(Trace trace, CanvasImage canvas) {
    StringBuilder text = new StringBuilder();
    for (int at = canvas.promptLength(); at < canvas.length(); at++) {
      boolean masked = canvas.state(at).isOpen();
      boolean ends = !masked && trace.header().specials().isStop(canvas.id(at));
      text.append(masked ? "░" : ends ? "∎" : trace.piece(canvas.id(at)));
    }
    return text.toString();
  }

  private static String resource() {
    try (InputStream in = LensPage.class.getResourceAsStream("lens.html")) {
      if (in == null) {
        throw new IllegalStateException("lens.html is not in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
