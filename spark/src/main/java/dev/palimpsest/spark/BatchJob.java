package dev.palimpsest.spark;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Completes a table of prompts, read and written as Spark does it. */
@Command(
    name = "BatchJob",
    description = "Completes a table of prompts on a Spark cluster.",
    customSynopsis = {
      "spark-submit --class dev.palimpsest.spark.BatchJob palimpsest-spark.jar",
      "       --model FOLDER --input PATH --output PATH [OPTIONS]"
    },
    sortOptions = false,
    footer = {
      "",
      "A row keeps its columns and gets text, tokens, finish_reason, nfe, tpf, seed and",
      "error. In CSV the tokens are JSON in one column."
    })
public final class BatchJob implements Callable<Integer> {
  private static final String CSV = "csv";

  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      required = true,
      description = "The checkpoint, on every machine.")
  private String model = "";

  @Option(
      names = "--input",
      paramLabel = "PATH",
      required = true,
      description = "A file or folder of rows, as Spark names it.")
  private String input = "";

  @Option(
      names = "--input-format",
      paramLabel = "FORMAT",
      description = "parquet, json, csv, orc, text or another that Spark reads; Spark's default.")
  private Optional<String> inputFormat = Optional.empty();

  @Option(
      names = "--read",
      paramLabel = "NAME=VALUE",
      description = "An option of the format, as header=true for csv.")
  private Map<String, String> readOptions = new LinkedHashMap<>();

  @Option(
      names = "--output",
      paramLabel = "PATH",
      required = true,
      description = "A folder to write.")
  private String output = "";

  @Option(
      names = "--output-format",
      paramLabel = "FORMAT",
      description = "The format written; that of the input if not given.")
  private Optional<String> outputFormat = Optional.empty();

  @Option(
      names = "--write",
      paramLabel = "NAME=VALUE",
      description = "An option of the format, as compression=gzip.")
  private Map<String, String> writeOptions = new LinkedHashMap<>();

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      defaultValue = "errorifexists",
      description =
          "If the output is there: errorifexists (the default), append, overwrite or ignore.")
  private String mode = "";

  @Option(
      names = "--prompt-column",
      paramLabel = "NAME",
      defaultValue = "prompt",
      description =
          "Strings, arrays of token ids, or arrays of structs of role and content; prompt if not given.")
  private String promptColumn = "";

  @Option(
      names = "--option",
      paramLabel = "NAME=VALUE",
      description = "The sampler or one of its options: steps=32.")
  private List<String> options = List.of();

  @Option(
      names = "--options-column",
      paramLabel = "NAME",
      description = "A row's own options: a struct, or a map.")
  private Optional<String> optionsColumn = Optional.empty();

  @Option(names = "--seed-column", paramLabel = "NAME", description = "A row's own seed.")
  private Optional<String> seedColumn = Optional.empty();

  @Option(
      names = "--at-once",
      paramLabel = "N",
      defaultValue = "32",
      description = "Most texts that an engine writes together; 32 if not given.")
  private int atOnce;

  @Option(
      names = "--partitions",
      paramLabel = "N",
      description = "Divide the rows anew, into so many tasks.")
  private Optional<Integer> partitions = Optional.empty();

  @Option(names = "--timings", description = "Add first_snapshot_seconds and seconds.")
  private boolean timings;

  @Spec private CommandSpec command;

  private BatchJob() {}

  /** Runs the job; a failure ends the process with 1, wrong usage with 2. */
  public static void main(String[] arguments) {
    int status = run(arguments);
    if (status != 0) {
      System.exit(status);
    }
  }

  /** Runs the job and gives its exit code. */
  static int run(String... arguments) {
    OptionSpec help =
        OptionSpec.builder("--help").usageHelp(true).description("Show this text.").build();
    return new CommandLine(CommandSpec.forAnnotatedObject(new BatchJob()).addOption(help))
        .setExecutionExceptionHandler(
            (failure, line, _) -> {
              line.getErr().println(sentence(failure));
              return 1;
            })
        .setParameterExceptionHandler(
            (wrong, _) -> {
              wrong
                  .getCommandLine()
                  .getErr()
                  .println(wrong.getMessage() + "; --help lists options");
              return 2;
            })
        .execute(arguments);
  }

  /** What was wrong in the first place, without what Spark says around it. */
  private static String sentence(Throwable failure) {
    Throwable first = failure;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    String message = String.valueOf(first.getMessage());
    return message.lines().findFirst().orElse(first.toString());
  }

  @Override
  public Integer call() throws IOException {
    requireUsage();
    PalimpsestTransformer transformer =
        new PalimpsestTransformer()
            .setModel(model)
            .setInputCol(promptColumn)
            .setOptions(options.toArray(String[]::new))
            .setAtOnce(atOnce)
            .setTimings(timings);
    optionsColumn.ifPresent(transformer::setOptionsCol);
    seedColumn.ifPresent(transformer::setSeedCol);
    try (SparkSession spark = SparkSession.builder().appName("palimpsest").getOrCreate()) {
      DataFrameReader reader = spark.read().options(readOptions);
      inputFormat.ifPresent(reader::format);
      Dataset<Row> rows = reader.load(input);
      if (partitions.isPresent()) {
        rows = rows.repartition(partitions.get());
      }
      write(transformer.transform(rows));
    }
    return 0;
  }

  private void requireUsage() {
    if (atOnce < 1) {
      throw wrong("--at-once is %d: use 1 or more".formatted(atOnce));
    }
    if (partitions.isPresent() && partitions.get() < 1) {
      throw wrong("--partitions is %d: use 1 or more".formatted(partitions.get()));
    }
    try {
      OptionText.parse(options);
    } catch (IllegalArgumentException noOption) {
      throw wrong(noOption.getMessage());
    }
  }

  private ParameterException wrong(@Nullable String complaint) {
    return new ParameterException(command.commandLine(), complaint);
  }

  private void write(Dataset<Row> completed) {
    Optional<String> format = outputFormat.or(() -> inputFormat);
    Dataset<Row> written =
        format.filter(CSV::equals).isPresent()
            ? completed.withColumn("tokens", functions.to_json(completed.col("tokens")))
            : completed;
    DataFrameWriter<Row> writer = written.write().mode(mode).options(writeOptions);
    format.ifPresent(writer::format);
    writer.save(output);
  }
}
