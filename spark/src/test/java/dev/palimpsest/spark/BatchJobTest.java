package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.LanguageModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class BatchJobTest {
  @TempDir private Path folder;

  @BeforeEach
  void chooseAMaster() {
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.sql.warehouse.dir", folder.resolve("warehouse").toString());
  }

  @AfterEach
  void leaveNoMaster() {
    System.clearProperty("spark.master");
    System.clearProperty("spark.ui.enabled");
    System.clearProperty("spark.sql.warehouse.dir");
  }

  private record Outcome(int status, String output, String errors) {}

  private static Outcome run(String... arguments) {
    PrintStream output = System.out;
    PrintStream errors = System.err;
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    System.setOut(new PrintStream(told, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
    try {
      int status = BatchJob.run(arguments);
      return new Outcome(
          status,
          told.toString(StandardCharsets.UTF_8),
          complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(output);
      System.setErr(errors);
    }
  }

  private Outcome job(String input, String output, String... more) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(
        List.of(
            "--model",
            Demo.MODEL.toString(),
            "--input",
            folder.resolve(input).toString(),
            "--output",
            folder.resolve(output).toString()));
    Demo.OPTIONS.forEach(
        (name, value) -> arguments.addAll(List.of("--option", name + "=" + value)));
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }

  private List<String> lines(String output) throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder.resolve(output))) {
      for (Path file :
          files
              .filter(each -> each.getFileName().toString().startsWith("part"))
              .sorted()
              .toList()) {
        lines.addAll(Files.readAllLines(file));
      }
    }
    return lines;
  }

  @Test
  void rowsOfJsonGetTheTextsOfOneProcessAndAnOutputIsNotWrittenTwice() throws IOException {
    Files.writeString(
        folder.resolve("in.jsonl"),
        "{\"n\": 1, \"q\": \"%s\", \"s\": 11}\n{\"n\": 2, \"q\": \"%s\", \"s\": 12}\n"
            .formatted(Demo.prompt(1), Demo.prompt(2)));
    Outcome first =
        job(
            "in.jsonl",
            "out",
            "--input-format",
            "json",
            "--output-format",
            "json",
            "--prompt-column",
            "q",
            "--seed-column",
            "s",
            "--partitions",
            "2",
            "--timings");
    assertThat(first.errors()).isEmpty();
    assertThat(first.status()).isZero();
    assertThat(Engines.ofThisJvm().size()).as("engines after the job").isZero();
    List<String> lines = lines("out");
    assertThat(lines).hasSize(2);
    try (LanguageModel model = Demo.load()) {
      for (String line : lines) {
        JsonNode row = JsonMapper.shared().readTree(line);
        Map<String, Object> options = new HashMap<>(Demo.OPTIONS);
        options.put("seed", row.get("s").asLong());
        assertThat(row.get("text").asString())
            .isEqualTo(Demo.alone(model, row.get("q").asString(), options).text());
        assertThat(row.get("seconds").asDouble()).isPositive();
      }
    }

    Outcome refused = job("in.jsonl", "out", "--input-format", "json", "--prompt-column", "q");
    assertThat(refused.status()).isOne();
    assertThat(refused.errors()).contains("out").contains("already exists").hasLineCount(1);
  }

  @Test
  void tokensAreJsonInCsvAndLinesAreReadAsTheirFormatSays() throws IOException {
    Files.writeString(folder.resolve("in.csv"), "prompt\n\"%s\"\n".formatted(Demo.prompt(4)));
    assertThat(
            job(
                    "in.csv",
                    "parquet",
                    "--input-format",
                    "csv",
                    "--read",
                    "header=true",
                    "--output-format",
                    "parquet")
                .errors())
        .isEmpty();
    Outcome csv =
        job(
            "parquet",
            "csv",
            "--output-format",
            "csv",
            "--write",
            "header=true",
            "--prompt-column",
            "text",
            "--options-column",
            "missing");
    assertThat(csv.status()).isOne();
    assertThat(csv.errors())
        .isEqualToIgnoringNewLines(
            "there is no column missing: the columns are prompt, text, tokens, finish_reason, nfe,"
                + " tpf, seed, error");
    assertThat(
            job(
                    "in.csv",
                    "csv",
                    "--input-format",
                    "csv",
                    "--read",
                    "header=true",
                    "--write",
                    "header=true")
                .status())
        .isZero();
    assertThat(lines("csv").getFirst())
        .isEqualTo("prompt,text,tokens,finish_reason,nfe,tpf,seed,error");
    assertThat(lines("csv").get(1)).contains("[").contains("]");
  }

  @Test
  void aFailureOfTheModelIsOneSentence() throws IOException {
    Files.writeString(folder.resolve("in.txt"), Demo.prompt(4) + "\n");
    Outcome outcome =
        job(
            "in.txt",
            "out",
            "--input-format",
            "text",
            "--prompt-column",
            "value",
            "--output-format",
            "json",
            "--option",
            "spice=hot");
    assertThat(outcome.status()).isOne();
    assertThat(outcome.errors()).hasLineCount(1).startsWith("spice hot is no option");
  }

  @ParameterizedTest
  @CsvSource({
    "--at-once, 0, --at-once is 0: use 1 or more",
    "--at-once, many, --at-once",
    "--partitions, 0, --partitions is 0: use 1 or more",
    "--option, steps, steps",
    "--option, steps=, \"steps=\" is no option",
    "--spice, hot, --spice"
  })
  void wrongUsageIsOneSentenceAndTwo(String option, String value, String said) {
    Outcome outcome = job("in.txt", "out", option, value);
    assertThat(outcome.status()).isEqualTo(2);
    assertThat(outcome.errors()).hasLineCount(1).contains(said).contains("--help");
  }

  @Test
  void whatIsMissingIsNamed() {
    Outcome outcome = run("--model", "folder");
    assertThat(outcome.status()).isEqualTo(2);
    assertThat(outcome.errors()).hasLineCount(1).contains("--input").contains("--help");
  }

  @Test
  void helpIsAtMostEightyColumnsWide() {
    Outcome outcome = run("--help");
    assertThat(outcome.status()).isZero();
    assertThat(outcome.output().lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(81));
    assertThat(outcome.output()).contains("--prompt-column", "spark-submit");
  }
}
