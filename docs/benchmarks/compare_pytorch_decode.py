"""Runs greedy decoding of one causal checkpoint through the engine and through plain PyTorch, in turns, and prints the ratio.

Build the engine's side first: ./mvnw -DskipTests package. Writes host-pytorch-decode.txt beside this file; see README.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

import torch
from compare_pytorch import HERE, HOME, SETTLE, Engine, header
from llama_pytorch import Llama
from tokenizers import Tokenizer

MOST = 48


def prompts(folder, problems):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    lines = problems.read_text().splitlines()
    return [tokenizer.encode("<|user|> " + json.loads(line)["prompt"] + "<|assistant|>").ids for line in lines]


def by_engine(engine, dtype, batches):
    """Seconds of each batch, and the texts."""
    words = ";".join(",".join(map(str, ids)) for batch in batches for ids in batch)
    nanos, texts = engine.ask("decode", dtype, len(batches), MOST, words)
    return [int(n) / 1e9 for n in nanos], [[int(i) for i in text.split(",") if i] for text in texts[0].split(";")]


def by_pytorch(model, batches):
    seconds, texts = [], []
    for batch in batches:
        start = time.perf_counter()
        texts += model.decode(batch, MOST)
        seconds.append(time.perf_counter() - start)
    return seconds, texts


def main():
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("--model", type=pathlib.Path, default=HOME / "models" / "abacus-ar")
    parse.add_argument("--problems", type=pathlib.Path, default=HOME / "models" / "abacus" / "eval.jsonl")
    parse.add_argument("--dtypes", nargs="+", choices=["f32", "bf16"], default=["f32"])
    parse.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parse.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each side; all cores if not given")
    parse.add_argument("--turns", type=int, default=12)
    parse.add_argument("--output", type=pathlib.Path, default=HERE / "host-pytorch-decode.txt")
    arguments = parse.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = arguments.model.resolve()
    engine = Engine(folder, arguments.threads)
    everything = prompts(folder, arguments.problems)
    with open(arguments.output, "w") as output, torch.inference_mode():

        def say(line):
            for stream in (sys.stdout, output):
                print(line, file=stream, flush=True)

        for line in header(engine, arguments.dtypes, arguments.threads, folder):
            say(line)
        say(f"Greedy texts of up to {MOST} tokens, prefill included; medians over turns of ms per token of all texts together.")
        say("PyTorch: static batch with a key/value cache, padded on the left, until its longest text ends.")
        say("")
        say("dtype batch     engine    PyTorch      ratio   texts of a turn, equal")
        for dtype in arguments.dtypes:
            model = Llama(folder, torch.float32 if dtype == "f32" else torch.bfloat16)
            for batch in arguments.batches:
                # No prompt comes twice: the engine would remember its keys.
                repeats = max(1, min(4, len(everything) // batch // (arguments.turns + 2)))
                turns = min(arguments.turns, len(everything) // (batch * repeats) - 1)
                cost = {"engine": [], "PyTorch": []}
                equal = texts_seen = 0
                for turn in range(turns + 1):
                    first = turn * batch * repeats
                    batches = [everything[first + i * batch : first + (i + 1) * batch] for i in range(repeats)]
                    written = {}
                    for side in cost:
                        time.sleep(SETTLE)
                        call = by_engine(engine, dtype, batches) if side == "engine" else by_pytorch(model, batches)
                        seconds, written[side] = call
                        if turn > 0:  # the first warms up
                            cost[side].append(1e3 * sum(seconds) / sum(map(len, written[side])))
                    if turn > 0:
                        texts_seen += len(written["engine"])
                        equal += sum(a == b for a, b in zip(written["engine"], written["PyTorch"]))
                ms = {side: statistics.median(cost[side]) for side in cost}
                say(
                    f"{dtype:5} {batch:5} {ms['engine']:10.3f} {ms['PyTorch']:10.3f} {ms['engine'] / ms['PyTorch']:10.3f}"
                    f"   {batch * repeats}, {equal} of {texts_seen}"
                )
    engine.close()


if __name__ == "__main__":
    main()
