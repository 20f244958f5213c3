#!/usr/bin/env python3
"""Measures batch files on the host with the bundled models, and writes batch.txt beside this file.

rate      tokens a second of `batch` over the held-out problems, in turns with `compare` at the same number of rows at once
overhead  what a row costs beside its forwards, by a scripted model
memory    resident memory while many short rows are written, at every tenth of them

Usage: docs/benchmarks/batch.py [--turns N] [--problems N] [--repeats N] [--concurrency N,N] [--rows N] [--parts rate,overhead,memory]
"""
import argparse
import glob
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE.parent.parent
PALIMPSEST = str(HOME / "palimpsest")
MODELS = ["abacus-mdm", "abacus-ar"]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HOME).stdout


def batch(*options):
    return json.loads(run(PALIMPSEST, "batch", "--quiet", "--json", *options))


def warm(model, at_once, rows, out):
    """Tokens a second behind the first quarter of the rows: `compare` warms up before it measures, and so must this."""
    total = sum(1 for _ in open(rows))
    process = subprocess.Popen([PALIMPSEST, "batch", "--quiet", "--model", model, "--at-once", str(at_once), str(rows), str(out)],
                               stdout=subprocess.DEVNULL, cwd=HOME)
    first = last = None
    while first is None or last is None:
        if process.poll() not in (None, 0):
            raise SystemExit(f"batch ended with exit code {process.returncode}")
        time.sleep(0.05)
        lines = out.read_bytes().count(b"\n") if out.exists() else 0
        if first is None and lines * 4 >= total:
            first = (lines, time.monotonic())
        if lines == total:
            last = time.monotonic()
    process.wait()
    results = [json.loads(line) for line in open(out)]
    return sum(len(result["tokens"]) for result in results[first[0]:]) / (last - first[1])


def compare(scratch, problems, concurrencies, folder):
    """Tokens a second by requests at once: the model and, as a control, the model again, each behind its own warming up."""
    report = json.loads(run(PALIMPSEST, "compare", "--json", "--quiet", "--rounds", "1", "--limit", str(problems), "--out", str(scratch),
                            "--concurrency", concurrencies, folder))
    speeds = {}
    for each in report["measurements"]:
        speeds.setdefault(each["concurrency"], []).append(each["tokens_per_second"])
    return {concurrency: statistics.median(values) for concurrency, values in speeds.items()}


def rate(scratch, turns, problems, repeats, concurrencies):
    """Both sides ask the same problems with the same options, `compare` as often as its warming up takes, `batch` so many times; loading is in neither's time."""
    rows = scratch / "problems.jsonl"
    with open(HOME / "models/abacus/eval.jsonl") as lines, open(rows, "w") as out:
        prompts = [json.loads(line)["prompt"] for line in lines][:problems]
        for prompt in prompts * repeats:
            out.write(json.dumps({"prompt": prompt}) + "\n")
    for model in MODELS:
        folder = f"models/{model}"
        speeds = compare(scratch, problems, concurrencies, folder)
        best = max(speeds, key=speeds.get)
        shown = ", ".join(f"{concurrency}: {speed:.0f}" for concurrency, speed in speeds.items())
        yield f"{model}: compare's tokens/s by requests at once: {shown}"
        ratios = []
        for turn in range(turns):
            compared = compare(scratch, problems, str(best), folder)[best]
            batched = warm(folder, best, rows, scratch / f"{model}-{turn}.jsonl")
            ratios.append(batched / compared)
            yield f"{model}: {best} at once, turn {turn + 1}, tokens/s: compare {compared:.0f}, batch {batched:.0f}, ratio {ratios[-1]:.2f}"
        yield (f"{model}: batch / compare in {turns} turns: median {statistics.median(ratios):.2f}, "
               f"{min(ratios):.2f} to {max(ratios):.2f}")
        found = batch("--model", folder, str(rows), str(scratch / f"{model}-auto.jsonl"))
        yield f"{model}: --at-once auto, start and climb included: {found['at_once']} at once at the end, {found['tokens_per_second']:.0f} tokens/s"


def overhead():
    run(str(HOME / "mvnw"), "-q", "-f", str(HOME / "pom.xml"), "-pl", "app", "-am", "-DskipTests", "package")
    jars = glob.glob(str(HOME / "app/target/palimpsest-app-*.jar")) + glob.glob(str(HOME / "app/target/lib/*.jar"))
    java = run("bash", "-c", f'. "{HOME}/.mvn/jdk.sh"; echo "$JAVA_HOME/bin/java"').strip()
    return run(
        java, "-XX:+UseSerialGC", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow", f"-Dpalimpsest.home={HOME}", "-Dai.djl.offline=true", "-DRUST_FLAVOR=cpu",
        "-cp", ":".join([str(HOME / "app/target/test-classes"), *jars]), "dev.palimpsest.app.batch.RowOverhead").splitlines()


def memory(scratch, count):
    rows = scratch / "short.jsonl"
    out = scratch / "short-out.jsonl"
    with open(rows, "w") as lines:
        for row in range(count):
            lines.write(json.dumps({"prompt_ids": [4 + row % 90], "options": {"gen_length": 3, "steps": 1}}) + "\n")
    process = subprocess.Popen([PALIMPSEST, "batch", "--quiet", "--json", "--at-once", "128", str(rows), str(out)],
                               stdout=subprocess.PIPE, text=True, cwd=HOME)
    yield f"{count} rows of 4 tokens, 128 at once; rows written and resident memory in MB"
    written, offset, tenth = 0, 0, 0
    while process.poll() is None:
        time.sleep(0.2)
        if out.exists():
            with open(out, "rb") as lines:
                lines.seek(offset)
                read = lines.read()
            written += read.count(b"\n")
            offset += len(read)
        if written * 10 // count > tenth:
            tenth = written * 10 // count
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
                yield f"{written:9d} {resident:7.0f}"
            except (IndexError, FileNotFoundError):
                pass  # it has just ended
    summary = json.loads(process.stdout.read())
    yield f"{summary['rows']} rows in {summary['seconds']:.0f} s, {summary['errors']} errors"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--concurrency", default="16,32")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--parts", default="rate,overhead,memory")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "batch.txt")
    options = parser.parse_args()
    run(PALIMPSEST, "--help")  # builds if need be
    with tempfile.TemporaryDirectory() as folder, open(options.output, "w") as output:

        def tell(line=""):
            print(line, flush=True)
            print(line, file=output, flush=True)

        tell("Batch files on the host with the bundled models; see README.md in this folder.")
        tell(run(str(HERE / "header.sh")).rstrip())
        scratch = pathlib.Path(folder)
        for part, lines in (
            ("rate", lambda: rate(scratch, options.turns, options.problems, options.repeats, options.concurrency)),
            ("overhead", overhead),
            ("memory", lambda: memory(scratch, options.rows)),
        ):
            if part in options.parts.split(","):
                tell()
                for line in lines():
                    tell(line)


if __name__ == "__main__":
    main()
