package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.trace.Checksum;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import org.duckdb.DuckDBAppender;

/** Traces as rows: what changed, or what was predicted. */
final class TraceTable implements AutoCloseable {
  private static final String CHANGES =
      """
      trace VARCHAR, record INTEGER, step INTEGER, block INTEGER, kind VARCHAR,
      cause VARCHAR, position INTEGER, token INTEGER, text VARCHAR, confidence DOUBLE,
      entropy DOUBLE, margin DOUBLE, step_nanos BIGINT, canvas_sha256 VARCHAR""";
  private static final String PREDICTIONS =
      """
      trace VARCHAR, record INTEGER, step INTEGER, block INTEGER,
      position INTEGER, token INTEGER, text VARCHAR, probability DOUBLE, argmax INTEGER,
      top DOUBLE, second DOUBLE, log_sum_exp DOUBLE, entropy DOUBLE""";

  private final ExportTable table;
  private final DuckDBAppender appender;
  private final boolean predictions;

  private TraceTable(ExportTable table, boolean predictions) {
    this.table = table;
    this.appender = table.rows();
    this.predictions = predictions;
  }

  static TraceTable open(boolean predictions) throws SQLException {
    return new TraceTable(ExportTable.of(predictions ? PREDICTIONS : CHANGES), predictions);
  }

  /** Adds a trace and returns the number of its rows. */
  long add(Trace trace) throws SQLException {
    long rows = 0;
    int steps = 0;
    for (int index = 0; index < trace.records().size(); index++) {
      switch (trace.records().get(index)) {
        case TraceRecord.Step step -> {
          rows +=
              predictions
                  ? predictions(trace, index, step, steps)
                  : changes(trace, index, step, steps);
          steps++;
        }
        case TraceRecord.Event event -> rows += predictions ? 0 : event(trace, index, event, steps);
        case TraceRecord.End _ -> {}
      }
    }
    return rows;
  }

  private long changes(Trace trace, int index, TraceRecord.Step step, int stepIndex)
      throws SQLException {
    String canvas = Checksum.of(trace.canvasAfterRecord(index));
    for (Commit commit : step.commits()) {
      change(
          trace, index, stepIndex, step.at().block(), "commit", "", commit, step.nanos(), canvas);
    }
    for (Commit edit : step.edits()) {
      change(trace, index, stepIndex, step.at().block(), "edit", "", edit, step.nanos(), canvas);
    }
    for (int position : step.remasked()) {
      Commit none = none(position, trace.header().specials().maskId());
      change(trace, index, stepIndex, step.at().block(), "remask", "", none, step.nanos(), canvas);
    }
    return (long) step.commits().size() + step.edits().size() + step.remasked().size();
  }

  private long event(Trace trace, int index, TraceRecord.Event event, int step)
      throws SQLException {
    CanvasImage after = trace.canvasAfterRecord(index);
    String canvas = Checksum.of(after);
    String cause = event.name() + ": " + event.cause();
    for (Map.Entry<Integer, Integer> write : event.writes().entrySet()) {
      Commit none = none(write.getKey(), write.getValue());
      change(trace, index, step, event.at().block(), "event_write", cause, none, 0, canvas);
    }
    for (int position : event.remasked()) {
      Commit none = none(position, trace.header().specials().maskId());
      change(trace, index, step, event.at().block(), "event_remask", cause, none, 0, canvas);
    }
    return (long) event.writes().size() + event.remasked().size();
  }

  private static Commit none(int position, int token) {
    return new Commit(position, token, Double.NaN, Double.NaN, Double.NaN);
  }

  private void change(
      Trace trace,
      int index,
      int step,
      int block,
      String kind,
      String cause,
      Commit commit,
      long nanos,
      String canvas)
      throws SQLException {
    appender.beginRow();
    appender.append(trace.name());
    appender.append(index + 2);
    appender.append(step);
    appender.append(block);
    appender.append(kind);
    appender.append(cause);
    appender.append(commit.position() - trace.last().promptLength());
    appender.append(commit.token());
    appender.append(trace.piece(commit.token()));
    for (double number : List.of(commit.confidence(), commit.entropy(), commit.margin())) {
      if (Double.isNaN(number)) {
        appender.appendNull();
      } else {
        appender.append(number);
      }
    }
    appender.append(nanos);
    appender.append(canvas);
    appender.endRow();
  }

  private long predictions(Trace trace, int index, TraceRecord.Step step, int stepIndex)
      throws SQLException {
    if (step.asked().isEmpty()) {
      return 0;
    }
    TraceRecord.Asked asked = step.asked().get();
    for (int row = 0; row < asked.rows().size(); row++) {
      Prediction prediction = asked.predictions().get(row);
      appender.beginRow();
      appender.append(trace.name());
      appender.append(index + 2);
      appender.append(stepIndex);
      appender.append(step.at().block());
      appender.append(asked.rows().get(row) - trace.last().promptLength());
      appender.append(prediction.token());
      appender.append(trace.piece(prediction.token()));
      appender.append(prediction.probability());
      appender.append(prediction.argmax());
      appender.append(prediction.top());
      appender.append(prediction.second());
      appender.append(prediction.logSumExp());
      appender.append(prediction.entropy());
      appender.endRow();
    }
    return asked.rows().size();
  }

  /** Writes all rows to a file. */
  void write(Path file) throws IOException {
    table.write(file);
  }

  @Override
  public void close() throws SQLException {
    table.close();
  }
}
