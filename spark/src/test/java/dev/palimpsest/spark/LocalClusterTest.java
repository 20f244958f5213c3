package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.Completion;
import dev.palimpsest.api.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two executors that are processes of their own, one of which dies. */
@Timeout(300)
final class LocalClusterTest {
  private static final int ROWS = 48;
  private static final int PARTITIONS = 4;

  /** In the second partition, behind rows that have been handed on already. */
  private static final long FATAL_ROW = 20;

  private static final StructType SCHEMA =
      new StructType().add("seed", DataTypes.LongType).add("prompt", DataTypes.StringType);

  @Test
  void rowsAreThoseOfOneProcessThoughAnExecutorDiesInTheMiddle() throws IOException {
    List<String> removed = Collections.synchronizedList(new ArrayList<>());
    List<Boolean> tasks = Collections.synchronizedList(new ArrayList<>());
    SparkSession spark = cluster();
    List<Row> rows;
    try {
      spark.sparkContext().addSparkListener(listener(removed, tasks));
      rows =
          new PalimpsestTransformer()
              .setModel(Demo.MODEL.toString())
              .setOptions(Demo.OPTIONS)
              .setSeedCol("seed")
              .setAtOnce(2)
              .transform(
                  spark
                      .range(0, ROWS, 1, PARTITIONS)
                      .map((MapFunction<Long, Row>) LocalClusterTest::row, Encoders.row(SCHEMA)))
              .collectAsList();
    } finally {
      spark.stop();
    }
    assertThat(removed).anySatisfy(reason -> assertThat(reason).contains("137"));
    assertThat(tasks).filteredOn(successful -> successful).hasSize(PARTITIONS);
    assertThat(tasks).filteredOn(successful -> !successful).isNotEmpty();
    assertThat(rows).extracting(row -> row.getString(0)).containsExactlyElementsOf(prompts());
    try (LanguageModel model = Demo.load()) {
      for (int number = 0; number < ROWS; number++) {
        Map<String, Object> options = new LinkedHashMap<>(Demo.OPTIONS);
        options.put("seed", (long) number);
        Completion alone = Demo.alone(model, Demo.prompt(number), options);
        Row row = rows.get(number);
        assertThat(row.<String>getAs("text")).isEqualTo(alone.text());
        assertThat(List.copyOf(row.<Integer>getList(row.fieldIndex("tokens"))))
            .isEqualTo(alone.tokens());
        assertThat(row.<Integer>getAs("nfe")).isEqualTo(alone.nfe());
        assertThat(row.<Long>getAs("seed")).isEqualTo(number);
        assertThat(row.<String>getAs("error")).isNull();
      }
    }
  }

  /** The first time that it comes to the fatal row, the executor dies at once. */
  private static Row row(long number) {
    TaskContext task = TaskContext.get();
    if (number == FATAL_ROW && task.attemptNumber() == 0 && task.stageAttemptNumber() == 0) {
      Runtime.getRuntime().halt(137);
    }
    return RowFactory.create(number, Demo.prompt(number));
  }

  private static List<String> prompts() {
    List<String> prompts = new ArrayList<>();
    for (int number = 0; number < ROWS; number++) {
      prompts.add(Demo.prompt(number));
    }
    return prompts;
  }

  private static SparkListener listener(List<String> removed, List<Boolean> tasks) {
    return new SparkListener() {
      @Override
      public void onExecutorRemoved(SparkListenerExecutorRemoved executor) {
        removed.add(executor.reason());
      }

      @Override
      public void onTaskEnd(SparkListenerTaskEnd task) {
        tasks.add(task.taskInfo().successful());
      }
    };
  }

  private static SparkSession cluster() throws IOException {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    return SparkSession.builder()
        .master("local-cluster[2,1,2048]")
        .appName("local cluster")
        .config("spark.ui.enabled", false)
        .config("spark.executor.extraClassPath", classPath())
        .config(
            "spark.executor.extraJavaOptions",
            "-XX:+UseSerialGC -Dpalimpsest.home=" + System.getProperty("palimpsest.home"))
        .getOrCreate();
  }

  private static String classPath() {
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }
}
