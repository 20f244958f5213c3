package dev.palimpsest.spark;

import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Completes the rows of a partition with the engine of its executor.
 *
 * @param model the folder of the model, as the user named it
 * @param atOnce the most texts of an engine that are written together
 */
record CompletePartition(
    String model, int atOnce, PromptColumn prompts, OptionColumns options, CompletionColumns output)
    implements MapPartitionsFunction<Row, Row> {

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    if (!rows.hasNext()) {
      return rows;
    }
    TaskContext task = TaskContext.get();
    Place place = Place.of(model, options.ofAllRows(), task.resourcesJMap());
    Engines.Lease lease = Engines.ofThisJvm().lease(place, atOnce);
    CompletedRows completed =
        new CompletedRows(rows, this, lease.engine(), task::killTaskIfInterrupted);
    TaskCompletionListener done =
        _ -> {
          completed.cancel();
          lease.close();
        };
    task.addTaskCompletionListener(done);
    completed.requireOptions();
    return completed;
  }
}
