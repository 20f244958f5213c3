"""Runs one checkpoint through the engine and through plain PyTorch, in turns, and prints the ratio of their times.

Build the engine's side first: ./mvnw -DskipTests package. Writes host-pytorch.txt beside this file; see README.md.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

import torch
from llada_pytorch import Llada
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE.parent.parent
CLASSES = HOME / "tests" / "target" / "test-classes"
CLASS_PATH = HOME / "tests" / "target" / "classpath.txt"
SERVER = "dev.palimpsest.tests.bench.EngineServer"
PROMPT, CANVAS = 48, 48
SIDES = ("engine", "asked", "published")
SETTLE = 0.05  # seconds between two sides, until the threads of the one before have gone to sleep
JAVA = """. .mvn/jdk.sh && exec "$JAVA_HOME/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
--sun-misc-unsafe-memory-access=allow -Dpalimpsest.home="$PWD" -cp "$1" "$2" "$3" "$4" """


class Engine:
    """The engine's process, one command a line."""

    def __init__(self, folder, threads):
        if not CLASS_PATH.is_file() or not (CLASSES / (SERVER.replace(".", "/") + ".class")).is_file():
            sys.exit("compare_pytorch: the engine's side is not built: run ./mvnw -DskipTests package in " + str(HOME))
        class_path = f"{CLASSES}:{CLASS_PATH.read_text().strip()}"
        self.process = subprocess.Popen(
            ["bash", "-c", JAVA, "java", class_path, SERVER, str(folder), str(threads)],
            cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"compare_pytorch: the engine's process ended at: {' '.join(map(str, words[:3]))}")
        return [part.split() for part in answer.strip().split("|")] if words[0] != "describe" else answer.strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def joined(ids):
    return ";".join(",".join(map(str, row)) for row in ids.tolist())


def prompts(folder, problems, model, count):
    """[count, 48] ids: problems of exactly 48 tokens, repeated as needed; random ids for a model of another tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json")) if (folder / "tokenizer.json").is_file() else None
    found = []
    if tokenizer and tokenizer.token_to_id("<|user|>") is not None and tokenizer.token_to_id("<|assistant|>") is not None:
        for line in problems.read_text().splitlines():
            ids = tokenizer.encode("<|user|> " + json.loads(line)["prompt"] + "<|assistant|>").ids
            if len(ids) == PROMPT:
                found.append(ids)
    if not found:
        rng = random.Random(1)
        ordinary = [i for i in range(model.vocabulary) if i != model.mask_id]
        found = [rng.choices(ordinary, k=PROMPT) for _ in range(count)]
    return torch.tensor([found[i % len(found)] for i in range(count)])


class Comparison:
    def __init__(self, engine, models, all_prompts, arguments, say):
        self.engine, self.models, self.all_prompts, self.arguments, self.say = engine, models, all_prompts, arguments, say

    def one(self, side, what, dtype, ids, repeats):
        """Seconds of each of `repeats` calls."""
        if side == "engine":
            extra = [] if what == "forward" else [CANVAS]
            answer = self.engine.ask(what, dtype, repeats, *extra, joined(ids))
            return [int(nanos) / 1e9 for nanos in answer[0]]
        model, asked_only, seconds = self.models[dtype], side == "asked", []
        for _ in range(repeats):
            start = time.perf_counter()
            model.predict(ids, asked_only) if what == "forward" else model.generate(ids, CANVAS, asked_only)
            seconds.append(time.perf_counter() - start)
        return seconds

    def measure(self, what, dtype, batch):
        """One line of the table: medians of all sides, measured in turns. Returns nothing that a later line needs."""
        ids = self.all_prompts[:batch]
        canvas = torch.cat((ids, torch.full((batch, CANVAS), self.models[dtype].mask_id)), 1)
        seconds = {side: [] for side in SIDES}
        sides = list(SIDES)
        expected, block = {}, {}
        for side in SIDES:  # warm-up, and how long a call takes
            forward = self.one(side, "forward", dtype, canvas, 1)[0]
            for _ in range(self.arguments.warm_up if side == "engine" or forward < 0.05 else 1):
                forward = self.one(side, "forward", dtype, canvas, 1)[0]
            expected[side] = forward * (CANVAS if what == "generate" else 1)
            if expected[side] > self.arguments.longest:
                sides.remove(side)
            if what == "generate" and expected[side] < 1:
                self.one(side, "generate", dtype, ids, 2)
            block[side] = max(1, min(10, int(0.25 / expected[side])))  # calls of a turn
        total = sum(expected[side] * block[side] for side in sides)
        turns = max(1, min(self.arguments.turns, int(self.arguments.seconds / total)))
        for _ in range(turns):
            for side in sides:
                time.sleep(SETTLE)
                # The first call of a turn finds cold caches and sleeping threads; it counts only where calls are long.
                calls = self.one(side, what, dtype, canvas if what == "forward" else ids, block[side] + (block[side] > 1))
                seconds[side] += calls[1:] if block[side] > 1 else calls
        median = {side: statistics.median(seconds[side]) if side in sides else None for side in SIDES}
        cell = lambda side: f"{1e3 * median[side]:10.2f}" if median[side] else f"(>{self.arguments.longest:.0f} s)".rjust(10)
        against = lambda side: f"{median['engine'] / median[side]:8.3f}" if median[side] else "       -"
        counts = "/".join(str(len(seconds[side])) for side in SIDES)
        self.say(
            f"{what:9} {dtype:5} {batch:5}  {cell('engine')} {cell('asked')} {cell('published')}"
            f"   {against('asked')} {against('published')}   {counts}"
        )

    def check(self, batch):
        """Whether both sides say and write the same in f32."""
        ids, model = self.all_prompts[:batch], self.models["f32"]
        canvas = torch.cat((ids, torch.full((batch, CANVAS), model.mask_id)), 1)
        _, tokens, probabilities = self.engine.ask("forward", "f32", 1, joined(canvas))
        best, confidence = model.predict(canvas, False, torch.float64)
        same = (best.flatten() == torch.tensor([int(t) for t in tokens])).sum().item()
        gap = (confidence.flatten() - torch.tensor([float(p) for p in probabilities], dtype=torch.float64)).abs().max().item()
        self.say(f"f32, batch {batch}: {same} of {len(tokens)} argmaxes equal, confidences within {gap:.1e}")
        _, texts = self.engine.ask("generate", "f32", 1, CANVAS, joined(ids))
        written = model.generate(ids, CANVAS, True, torch.float64)
        engine = torch.tensor([[int(i) for i in text.split(",")] for text in texts[0].split(";")])
        equal = (written == engine).all(1).sum().item()
        self.say(f"f32, batch {batch}: {equal} of {batch} texts equal, {(written == engine).sum().item()} of {engine.numel()} tokens")
        return same == len(tokens) and equal == batch


def header(engine, dtypes, threads, folder):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    git = lambda *words: subprocess.run(["git", *words], cwd=HOME, capture_output=True, text=True).stdout.strip()
    changed = " and uncommitted changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    yield "Engine and plain PyTorch on one checkpoint, in turns in one session; see README.md in this folder."
    yield f"device   {cpu}, {threads} cores used, {platform.system()} {platform.machine()}"
    yield f"date     {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"
    yield f"commit   {git('rev-parse', '--short=12', 'HEAD')}{changed}"
    yield f"model    {folder.name}"
    for dtype in dtypes:
        yield f"engine   {engine.ask('describe', dtype)}"
    yield f"PyTorch  {torch.__version__} eager, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, Python {platform.python_version()}"
    yield ""


def main():
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cores = len(os.sched_getaffinity(0))
    parse.add_argument("--model", type=pathlib.Path, default=HOME / "models" / "abacus-mdm")
    parse.add_argument("--problems", type=pathlib.Path, default=HOME / "models" / "abacus" / "eval.jsonl")
    parse.add_argument("--dtypes", nargs="+", choices=["f32", "bf16"], default=["f32", "bf16"])
    parse.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parse.add_argument("--threads", type=int, default=cores, help="of each side; all cores if not given")
    parse.add_argument("--turns", type=int, default=15, help="at most; fewer where calls are long")
    parse.add_argument("--seconds", type=float, default=40, help="aimed at for one line of the table, warm-up aside")
    parse.add_argument("--longest", type=float, default=400, help="a side that would need longer for one call is left out")
    parse.add_argument("--warm-up", type=int, default=300, help="forwards before the first timed one (PyTorch: where quick)")
    parse.add_argument("--output", type=pathlib.Path, default=HERE / "host-pytorch.txt")
    arguments = parse.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = arguments.model.resolve()
    engine = Engine(folder, arguments.threads)
    with open(arguments.output, "w") as output, torch.inference_mode():

        def say(line):
            for stream in (sys.stdout, output):
                print(line, file=stream, flush=True)

        for line in header(engine, arguments.dtypes, arguments.threads, folder):
            say(line)
        models = {dtype: Llada(folder, torch.float32 if dtype == "f32" else torch.bfloat16) for dtype in arguments.dtypes}
        ids = prompts(folder, arguments.problems, next(iter(models.values())), max(arguments.batches))
        comparison = Comparison(engine, models, ids, arguments, say)
        say(f"Medians in ms; {PROMPT} prompt tokens and {CANVAS} masks a sequence; generate: {CANVAS} steps. ratio = engine / PyTorch: below 1 the engine is faster.")
        say("asked: PyTorch's head on masked rows alone, as the engine's; published: on all rows, as LLaDA's generate.py.")
        say("")
        say("what      dtype batch      engine      asked  published   ratio to asked, published   calls")
        for dtype in arguments.dtypes:
            for what in ("forward", "generate"):
                for batch in arguments.batches:
                    comparison.measure(what, dtype, batch)
        say("")
        if "f32" in models:
            same = all([comparison.check(batch) for batch in arguments.batches])
            say("Both sides commit the same tokens in f32." if same else "The sides do NOT commit the same tokens in f32.")
    engine.close()


if __name__ == "__main__":
    main()
