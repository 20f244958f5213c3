package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.api.LanguageModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PalimpsestTransformerTest {
  private static final StructType MESSAGE =
      new StructType().add("role", DataTypes.StringType).add("content", DataTypes.StringType);

  private static SparkSession spark;
  private static LanguageModel model;

  @TempDir private static Path folder;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", false)
            .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
            .getOrCreate();
    model = Demo.load();
  }

  @AfterAll
  static void stop() {
    spark.stop();
    model.close();
    assertThat(Engines.ofThisJvm().size()).as("engines after the end of the application").isZero();
  }

  private static PalimpsestTransformer transformer() {
    return new PalimpsestTransformer()
        .setModel(Demo.MODEL.toString())
        .setOptions(Demo.OPTIONS)
        .setAtOnce(4);
  }

  private static Dataset<Row> table(StructType schema, List<Row> rows) {
    return spark.createDataFrame(rows, schema);
  }

  private static Dataset<Row> prompts(DataType type, Object... values) {
    return table(
        new StructType().add("prompt", type),
        IntStream.range(0, values.length)
            .mapToObj(index -> RowFactory.create(new Object[] {values[index]}))
            .toList());
  }

  private static Dataset<Row> seeded(int rows) {
    return table(
        new StructType().add("seed", DataTypes.LongType).add("prompt", DataTypes.StringType),
        IntStream.range(0, rows)
            .mapToObj(number -> RowFactory.create((long) number, Demo.prompt(number)))
            .toList());
  }

  private static List<Object> values(Map<String, Object> options, String prompt) {
    Map<String, Object> columns =
        new LinkedHashMap<>(Demo.alone(model, prompt, options).columns(false));
    columns.remove("id");
    return new ArrayList<>(columns.values());
  }

  private static List<Object> values(Row row, int from) {
    List<Object> values = new ArrayList<>();
    for (int index = from; index < row.size(); index++) {
      values.add(
          row.schema().fields()[index].name().equals("tokens")
              ? List.copyOf(row.getList(index))
              : row.get(index));
    }
    return values;
  }

  @ParameterizedTest(name = "in {0} partitions")
  @ValueSource(ints = {1, 3, 13})
  void aRowGetsInOrderWhatItsPromptGetsAlone(int partitions) {
    List<Row> rows =
        transformer()
            .setSeedCol("seed")
            .transform(seeded(13).repartitionByRange(partitions, functions.col("seed")))
            .collectAsList();
    assertThat(rows).hasSize(13);
    for (int number = 0; number < 13; number++) {
      Map<String, Object> options = new LinkedHashMap<>(Demo.OPTIONS);
      options.put("seed", (long) number);
      assertThat(rows.get(number).getString(0)).isEqualTo(Demo.prompt(number));
      assertThat(values(rows.get(number), 1)).isEqualTo(values(options, Demo.prompt(number)));
    }
  }

  @Test
  void theColumnsAreThoseOfACompletionAndTimingsWhereTheyAreAskedFor() {
    StructType given =
        new StructType().add("id", DataTypes.LongType).add("prompt", DataTypes.StringType);
    assertThat(transformer().transformSchema(given).fieldNames())
        .containsExactly(
            "id", "prompt", "text", "tokens", "finish_reason", "nfe", "tpf", "seed", "error");
    Dataset<Row> timed =
        transformer().setTimings(true).transform(prompts(DataTypes.StringType, Demo.prompt(1)));
    assertThat(timed.columns())
        .containsExactly(
            "prompt",
            "text",
            "tokens",
            "finish_reason",
            "nfe",
            "tpf",
            "first_snapshot_seconds",
            "seconds",
            "seed",
            "error");
    Row row = timed.first();
    assertThat(row.<Double>getAs("first_snapshot_seconds")).isPositive();
    assertThat(row.<Double>getAs("seconds")).isGreaterThan(row.getAs("first_snapshot_seconds"));
  }

  @Test
  void twoModelsFillOneTableUnderPrefixes() {
    Dataset<Row> both =
        transformer()
            .setOutputPrefix("b_")
            .transform(
                transformer()
                    .setOutputPrefix("a_")
                    .transform(prompts(DataTypes.StringType, Demo.prompt(1), Demo.prompt(2))));
    for (Row row : both.collectAsList()) {
      assertThat(row.<String>getAs("a_text")).isEqualTo(row.getAs("b_text")).isNotNull();
    }
  }

  @Test
  void promptsAreTextsIdsOrConversationsByTheTypeOfTheirColumn() {
    String prompt = Demo.prompt(5);
    int[] ids = model.model().prompt(prompt);
    Row texts = transformer().transform(prompts(DataTypes.StringType, prompt)).first();
    Row tokens =
        transformer()
            .transform(
                prompts(
                    DataTypes.createArrayType(DataTypes.LongType),
                    IntStream.of(ids).mapToObj(Long::valueOf).toList()))
            .first();
    assertThat(tokens.<String>getAs("text")).isEqualTo(texts.getAs("text")).isNotNull();
    Row chat =
        transformer()
            .transform(
                prompts(
                    DataTypes.createArrayType(MESSAGE), List.of(RowFactory.create("user", prompt))))
            .first();
    assertThat(chat.<String>getAs("text") == null)
        .as("a model without a template takes no conversation")
        .isEqualTo(model.model().chatTemplate().isEmpty());
  }

  @Test
  void aRowsOwnOptionsGoBeforeThoseOfAllRowsAndItsSeedBeforeBoth() {
    StructType own =
        new StructType()
            .add("gen_length", DataTypes.IntegerType)
            .add("sampler", DataTypes.StringType);
    StructType schema =
        new StructType()
            .add("prompt", DataTypes.StringType)
            .add("own", own)
            .add("texts", DataTypes.createMapType(DataTypes.StringType, DataTypes.StringType))
            .add("seed", DataTypes.IntegerType);
    Dataset<Row> rows =
        table(
            schema,
            List.of(
                RowFactory.create(Demo.prompt(1), RowFactory.create(12, null), Map.of(), 7),
                RowFactory.create(
                    Demo.prompt(1), null, Map.of("gen_length", "12", "seed", "3"), null)));
    Map<String, Object> shorter = new LinkedHashMap<>(Demo.OPTIONS);
    shorter.put("gen_length", 12);
    PalimpsestTransformer transformer = transformer().setSeedCol("seed");
    shorter.put("seed", 7L);
    assertThat(
            values(transformer.setOptionsCol("own").transform(rows).collectAsList().getFirst(), 3))
        .isEqualTo(values(shorter, Demo.prompt(1)));
    shorter.put("seed", 3);
    assertThat(values(transformer.setOptionsCol("texts").transform(rows).collectAsList().get(1), 3))
        .isEqualTo(values(shorter, Demo.prompt(1)));
  }

  @Test
  void aRowThatIsWrongHasAnErrorAndTheOthersATextInTheirPlaces() {
    StructType schema =
        new StructType()
            .add("prompt", DataTypes.StringType)
            .add("own", DataTypes.createMapType(DataTypes.StringType, DataTypes.StringType));
    List<Row> rows =
        transformer()
            .setOptionsCol("own")
            .transform(
                table(
                    schema,
                    List.of(
                        RowFactory.create(Demo.prompt(1), Map.of()),
                        RowFactory.create(null, Map.of("seed", "4")),
                        RowFactory.create(Demo.prompt(2), Map.of("spice", "hot")),
                        RowFactory.create(Demo.prompt(3), Map.of()))))
            .collectAsList();
    assertThat(rows.get(0).<String>getAs("error")).isNull();
    assertThat(rows.get(1).<String>getAs("error"))
        .isEqualTo("the prompt in the column prompt is null");
    assertThat(rows.get(1).<Long>getAs("seed")).isEqualTo(4);
    assertThat(rows.get(2).<String>getAs("error"))
        .startsWith("spice hot is no option of the sampler");
    assertThat(rows.get(2).<String>getAs("text")).isNull();
    assertThat(rows.get(3).<String>getAs("text")).isNotNull();
  }

  @Test
  void anOptionOfAllRowsThatIsWrongFailsTheJobWithItsSentence() {
    assertThatThrownBy(
            () ->
                transformer()
                    .setOptions("spice=hot")
                    .transform(prompts(DataTypes.StringType, Demo.prompt(1)))
                    .collectAsList())
        .hasMessageContaining("spice hot is no option of the sampler");
  }

  @Test
  void aModelThatIsNotThereFailsTheJobAndTheNextJobRuns() {
    Dataset<Row> rows = prompts(DataTypes.StringType, Demo.prompt(1));
    String missing = folder.resolve("missing").toString();
    assertThatThrownBy(() -> transformer().setModel(missing).transform(rows).collectAsList())
        .hasMessageContaining(missing);
    assertThat(transformer().transform(rows).first().<String>getAs("text")).isNotNull();
  }

  @Test
  void aModelThatIsShippedWithTheJobIsNamedByItsFolder() {
    spark.sparkContext().addFile(Demo.MODEL.toString(), true);
    Dataset<Row> rows = prompts(DataTypes.StringType, Demo.prompt(1));
    assertThat(
            transformer()
                .setModel(Demo.MODEL.getFileName().toString())
                .transform(rows)
                .collectAsList())
        .isEqualTo(transformer().transform(rows).collectAsList());
  }

  @Test
  void aTaskThatIsKilledEndsThoughItWaitsForItsModelAndTheNextJobRuns() throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    SparkListener watcher =
        new SparkListener() {
          @Override
          public void onTaskStart(SparkListenerTaskStart task) {
            started.countDown();
          }

          @Override
          public void onTaskEnd(SparkListenerTaskEnd task) {
            ended.countDown();
          }
        };
    spark.sparkContext().addSparkListener(watcher);
    try {
      FutureTask<List<Row>> job =
          new FutureTask<>(
              () ->
                  transformer()
                      .setOptions("gen_length=128", "block_length=128", "steps=128")
                      .transform(seeded(2000).withColumnRenamed("seed", "number").coalesce(1))
                      .collectAsList());
      Thread.ofPlatform().start(job);
      assertThat(started.await(60, TimeUnit.SECONDS)).isTrue();
      spark.sparkContext().cancelAllJobs();
      assertThatThrownBy(job::get).hasMessageContaining("cancelled");
      assertThat(ended.await(60, TimeUnit.SECONDS)).as("the task has ended").isTrue();
    } finally {
      spark.sparkContext().removeSparkListener(watcher);
    }
    assertThat(transformer().transform(seeded(1).drop("seed")).first().<String>getAs("text"))
        .isNotNull();
  }

  @Test
  void whatCannotBeReadIsRefusedBeforeTheJobBegins() {
    StructType schema =
        new StructType().add("prompt", DataTypes.StringType).add("text", DataTypes.DoubleType);
    assertThatThrownBy(() -> transformer().transformSchema(schema))
        .hasMessage(
            "there is a column text already, and completions have one of that name: rename it or"
                + " set outputPrefix");
    assertThatThrownBy(() -> transformer().setInputCol("question").transformSchema(schema))
        .hasMessage("there is no column question: the columns are prompt, text");
    assertThatThrownBy(() -> transformer().setInputCol("text").transformSchema(schema))
        .hasMessageStartingWith("the column text of prompts is double: use a string, an array of");
    assertThatThrownBy(
            () -> transformer().setOutputPrefix("a_").setSeedCol("text").transformSchema(schema))
        .hasMessage("the column text of seeds is double: use a whole number");
    assertThatThrownBy(
            () -> transformer().setOutputPrefix("a_").setOptionsCol("text").transformSchema(schema))
        .hasMessageStartingWith("the column text of options is double: use a struct, or a map");
    assertThatThrownBy(() -> new PalimpsestTransformer().transformSchema(schema))
        .hasMessage("no model is set: name the folder of a checkpoint with setModel");
    assertThatThrownBy(() -> transformer().setAtOnce(0)).hasMessageContaining("atOnce");
  }

  @Test
  void aTransformerIsWrittenAndReadAloneAndInAPipeline() throws Exception {
    Dataset<Row> rows = seeded(2);
    PalimpsestTransformer written = transformer().setSeedCol("seed").setOutputPrefix("abacus_");
    List<Row> expected = written.transform(rows).collectAsList();
    written.save(folder.resolve("transformer").toString());
    PalimpsestTransformer read =
        PalimpsestTransformer.load(folder.resolve("transformer").toString());
    assertThat(read.uid()).isEqualTo(written.uid());
    assertThat(read.transform(rows).collectAsList()).isEqualTo(expected);

    PipelineModel pipeline = new Pipeline().setStages(new PipelineStage[] {written}).fit(rows);
    pipeline.save(folder.resolve("pipeline").toString());
    assertThat(
            PipelineModel.load(folder.resolve("pipeline").toString())
                .transform(rows)
                .collectAsList())
        .isEqualTo(expected);
  }
}
