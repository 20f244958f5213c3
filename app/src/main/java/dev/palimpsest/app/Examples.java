package dev.palimpsest.app;

import java.util.List;

/** Command lines that show what a command is for; a test parses every one. */
final class Examples {
  private Examples() {}

  /** The examples of a command by its whole name, as {@code palimpsest trace show}. */
  static List<String> of(String command) {
    return switch (command.substring(command.indexOf(' ') + 1)) {
      case "palimpsest" ->
          List.of(
              "./palimpsest generate \\\n"
                  + "    \"Leo has 31 pens. First he finds 5 more. How many pens does Leo have"
                  + " now?\"",
              "./palimpsest help generate");
      case "generate" ->
          List.of(
              "./palimpsest generate \\\n"
                  + "    \"Leo has 31 pens. First he finds 5 more. How many pens does Leo have"
                  + " now?\"",
              "./palimpsest generate --model FOLDER --system \"Be brief.\" --prompt-file q.txt",
              "./palimpsest generate --threshold 0.9 --trace a.trace.jsonl --json \"...\"");
      case "batch" ->
          List.of(
              "./palimpsest batch prompts.jsonl texts.jsonl",
              "./palimpsest batch --model FOLDER --threshold 0.9 rows.parquet texts.parquet",
              "./palimpsest batch --order done - -");
      case "score" ->
          List.of(
              "./palimpsest score --method chain texts.jsonl",
              "./palimpsest score --model FOLDER --samples 512 --out s.parquet texts.parquet");
      case "eval" ->
          List.of(
              "./palimpsest eval --limit 100",
              "./palimpsest eval --limit 100 --sampler p2 --eta 1.2",
              "./palimpsest eval --model FOLDER --threshold 0.9 --json problems.jsonl");
      case "compare" ->
          List.of(
              "./palimpsest compare --limit 32 models/abacus-mdm models/abacus-ar",
              "./palimpsest compare FOLDER FOLDER,threshold=0.9 --file problems.jsonl",
              "./palimpsest compare FOLDER http://localhost:8000/v1,model=NAME");
      case "serve" ->
          List.of(
              "./palimpsest serve models/abacus-mdm --port 8000",
              "./palimpsest serve FOLDER --host 0.0.0.0 --api-key-file keys.txt");
      case "inspect" ->
          List.of("./palimpsest inspect FOLDER", "./palimpsest inspect --json config.json");
      case "verify" -> List.of("./palimpsest verify tests/src/test/resources/oracle/llada-mha");
      case "trace" ->
          List.of(
              "./palimpsest trace show a.trace.jsonl", "./palimpsest trace check a.trace.jsonl");
      case "trace show" ->
          List.of(
              "./palimpsest trace show a.trace.jsonl",
              "./palimpsest trace show --step 3 --diff 9 a.trace.jsonl");
      case "trace check" -> List.of("./palimpsest trace check a.trace.jsonl b.trace.jsonl.zst");
      case "trace stats" ->
          List.of(
              "./palimpsest trace stats traces/",
              "./palimpsest trace stats --answer-at 18-19 --expect 22 forced.trace.jsonl");
      case "trace legibility" ->
          List.of(
              "./palimpsest trace legibility traces/ --twin models/abacus-ar",
              "./palimpsest trace legibility --corpus texts.txt a.trace.jsonl");
      case "trace import" ->
          List.of(
              "./palimpsest trace import stream.txt --to closed.trace.jsonl \\\n"
                  + "    --prompt 'What is 3 + 4?'");
      case "trace export" ->
          List.of("./palimpsest trace export --to changes.parquet a.trace.jsonl traces/");
      case "replay" ->
          List.of(
              "./palimpsest replay a.trace.jsonl", "./palimpsest replay --from 40 a.trace.jsonl");
      case "branch" ->
          List.of(
              "./palimpsest branch a.trace.jsonl --at 45 --edit 'mistake in=0-8' \\\n"
                  + "    --to b.trace.jsonl");
      case "audit" ->
          List.of(
              "./palimpsest audit \\\n"
                  + "    \"Leo has 31 pens. First he finds 5 more. How many pens does Leo have"
                  + " now?\"");
      case "findings" -> List.of("./palimpsest findings --limit 100 --to findings");
      case "battery" ->
          List.of(
              "./palimpsest battery models/abacus-mdm --twin models/abacus-ar --limit 40",
              "./palimpsest battery FOLDER --problems gsm8k.jsonl --parts hints");
      case "lens" -> List.of("./palimpsest lens a.trace.jsonl --to lens.html");
      case "probe" -> List.of("./palimpsest probe export traces/ --to activations.safetensors");
      case "probe export" ->
          List.of(
              "./palimpsest probe export traces/ --to activations.safetensors",
              "./palimpsest probe export --hook 'blocks.2.attn.hook_pattern' --steps 0-9 \\\n"
                  + "    --to patterns.safetensors a.trace.jsonl");
      case "probe fit" ->
          List.of(
              "./palimpsest probe fit traces/ --label operation",
              "./palimpsest probe fit traces/ --label right --twin models/abacus-ar \\\n"
                  + "    --twin-traces twin-traces/");
      case "view" ->
          List.of(
              "./palimpsest view a.trace.jsonl",
              "./palimpsest view --to page.html a.trace.jsonl b.trace.jsonl");
      case "doctor" -> List.of("./palimpsest doctor");
      case "help" -> List.of("./palimpsest help trace show");
      case "completion" ->
          List.of(
              "source <(./palimpsest completion bash)", "source <(./palimpsest completion zsh)");
      default -> List.of();
    };
  }
}
