package dev.palimpsest.spark;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.WeakHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * Completes a column of prompts: every row gets the columns {@code text}, {@code tokens}, {@code
 * finish_reason}, {@code nfe}, {@code tpf}, {@code seed} and {@code error} of its completion. A row
 * whose prompt or options are wrong has an error and no text; the others go on.
 *
 * <p>The same row gets the same completion in every attempt of its task, on every executor with the
 * same kind of device. An executor loads a model once, for all tasks that it is given.
 */
public final class PalimpsestTransformer extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  /** Applications at whose end the engines in the driver's process are closed. */
  private static final Set<SparkContext> WATCHED = Collections.newSetFromMap(new WeakHashMap<>());

  private final String uid;
  private final Param<String> model;
  private final Param<String> inputCol;
  private final Param<String> outputPrefix;
  private final StringArrayParam options;
  private final Param<String> optionsCol;
  private final Param<String> seedCol;
  private final IntParam atOnce;
  private final BooleanParam timings;

  /** A transformer without a model; set one. */
  public PalimpsestTransformer() {
    this(Identifiable$.MODULE$.randomUID("palimpsest"));
  }

  /** A transformer of this name, as Spark reads it back. */
  public PalimpsestTransformer(String uid) {
    this.uid = uid;
    model = new Param<>(this, "model", "folder of the checkpoint, on every machine");
    inputCol =
        new Param<>(
            this,
            "inputCol",
            "column of prompts: strings, arrays of token ids, or arrays of structs of role and content");
    outputPrefix =
        new Param<>(this, "outputPrefix", "what the names of the completions' columns begin with");
    options =
        new StringArrayParam(
            this, "options", "the sampler and its options by their reference names: steps=32");
    optionsCol =
        new Param<>(this, "optionsCol", "column of a row's own options, a struct or a map");
    seedCol = new Param<>(this, "seedCol", "column of a row's own seed");
    atOnce =
        new IntParam(
            this, "atOnce", "most texts that an engine writes together", ParamValidators.gtEq(1));
    timings =
        new BooleanParam(
            this,
            "timings",
            "whether first_snapshot_seconds and seconds are among the columns; they alone differ when a task is tried again");
    setDefault(inputCol, "prompt");
    setDefault(outputPrefix, "");
    setDefault(options, new String[0]);
    setDefault(atOnce, 32);
    setDefault(timings, false);
  }

  /** Reads a transformer that was written. */
  public static MLReader<PalimpsestTransformer> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads the transformer written to a path. */
  public static PalimpsestTransformer load(String path) {
    return read().load(path);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** The folder of the checkpoint. */
  public Param<String> model() {
    return model;
  }

  /** The column of prompts. */
  public Param<String> inputCol() {
    return inputCol;
  }

  /** What the names of the completions' columns begin with. */
  public Param<String> outputPrefix() {
    return outputPrefix;
  }

  /** The options of all rows. */
  public StringArrayParam options() {
    return options;
  }

  /** The column of a row's own options. */
  public Param<String> optionsCol() {
    return optionsCol;
  }

  /** The column of a row's own seed. */
  public Param<String> seedCol() {
    return seedCol;
  }

  /** The most texts that an engine writes together. */
  public IntParam atOnce() {
    return atOnce;
  }

  /** Whether timings are among the columns. */
  public BooleanParam timings() {
    return timings;
  }

  /** Names the folder of the checkpoint: absolute, or relative to what Spark has shipped. */
  public PalimpsestTransformer setModel(String folder) {
    set(model, folder);
    return this;
  }

  /** Names the column of prompts; {@code prompt} if not set. */
  public PalimpsestTransformer setInputCol(String name) {
    set(inputCol, name);
    return this;
  }

  /** Lets the names of the completions' columns begin with this. */
  public PalimpsestTransformer setOutputPrefix(String prefix) {
    set(outputPrefix, prefix);
    return this;
  }

  /** Sets the options of all rows: {@code Map.of("steps", 32)}. */
  public PalimpsestTransformer setOptions(Map<String, ?> values) {
    return setOptions(
        values.entrySet().stream()
            .map(option -> option.getKey() + "=" + option.getValue())
            .sorted()
            .toArray(String[]::new));
  }

  /** Sets the options of all rows: {@code steps=32}. */
  public PalimpsestTransformer setOptions(String... values) {
    set(options, values);
    return this;
  }

  /** Names the column of a row's own options, which go before those of all rows. */
  public PalimpsestTransformer setOptionsCol(String name) {
    set(optionsCol, name);
    return this;
  }

  /** Names the column of a row's own seed, which goes before all options. */
  public PalimpsestTransformer setSeedCol(String name) {
    set(seedCol, name);
    return this;
  }

  /** Sets the most texts that an engine writes together; 32 if not set. */
  public PalimpsestTransformer setAtOnce(int most) {
    set(atOnce, most);
    return this;
  }

  /** Sets whether timings are among the columns; they are not if not set. */
  public PalimpsestTransformer setTimings(boolean given) {
    set(timings, given);
    return this;
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    closeEnginesAtTheEndOf(dataset.sparkSession().sparkContext());
    CompletePartition work = work(dataset.schema());
    return dataset.toDF().mapPartitions(work, Encoders.row(work.output().schema()));
  }

  @Override
  public StructType transformSchema(StructType schema) {
    return work(schema).output().schema();
  }

  @Override
  public PalimpsestTransformer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  private CompletePartition work(StructType schema) {
    if (!isDefined(model)) {
      throw new IllegalArgumentException(
          "no model is set: name the folder of a checkpoint with setModel");
    }
    List<String> texts = Arrays.asList(getOrDefault(options));
    Optional<String> seeds = given(seedCol);
    return new CompletePartition(
        getOrDefault(model),
        (int) getOrDefault(atOnce),
        PromptColumn.of(schema, getOrDefault(inputCol)),
        OptionColumns.of(schema, OptionText.parse(texts), given(optionsCol), seeds),
        CompletionColumns.of(
            schema, getOrDefault(outputPrefix), seeds, (boolean) getOrDefault(timings)));
  }

  private Optional<String> given(Param<String> param) {
    return isDefined(param) ? Optional.of(getOrDefault(param)) : Optional.empty();
  }

  /** In local mode the executor is the driver's process, which may go on without Spark. */
  private static void closeEnginesAtTheEndOf(SparkContext application) {
    synchronized (WATCHED) {
      if (WATCHED.add(application)) {
        application.addSparkListener(
            new SparkListener() {
              @Override
              public void onApplicationEnd(SparkListenerApplicationEnd end) {
                Engines.ofThisJvm().close();
              }
            });
      }
    }
  }
}
