"""One JSON file and one table of what the engine and PyTorch measured: table.py RESULTS COMMIT

Reads RESULTS/device.jsonl and RESULTS/pytorch.jsonl, the second of which may be empty; writes RESULTS/gpu.json and RESULTS/gpu.md.
"""

import json
import sys


def read(name):
    with open(name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


folder, commit = sys.argv[1:]
engine, pytorch = read(f"{folder}/device.jsonl"), read(f"{folder}/pytorch.jsonl")
header = next(row for row in engine if row["benchmark"] == "device")
lines = []


def of(rows, kind, /, **wanted):
    return [row for row in rows if row["benchmark"] == kind and all(row[key] == value for key, value in wanted.items())]


def one(rows, kind, /, **wanted):
    return next(iter(of(rows, kind, **wanted)), {})


def ratio(above, below):
    return above / below if above is not None and below else None


def cell(value, form):
    return "" if value is None else format(value, form)


def table(title, columns, rows):
    lines.extend(["", title, "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)])
    lines.extend("| " + " | ".join(row) + " |" for row in rows)


def steps(peak):
    rows = []
    for step in of(engine, "step"):
        same = dict(batch=step["batch"], length=step["length"])
        whole = step["asked"] == step["length"]
        eager = one(pytorch, "step-eager", **same).get("ms") if whole else None
        compiled = one(pytorch, "step-compiled", **same).get("ms") if whole else None
        rows.append([
            f"{step['batch']} x {step['length']}", str(step["asked"]), cell(step["ms"], ".3f"), cell(eager, ".3f"),
            cell(compiled, ".3f"), cell(ratio(eager, step["ms"]), ".2f"), cell(ratio(compiled, step["ms"]), ".2f"),
            cell(step["tflops"], ".3g"), cell(ratio(step["tflops"], peak), ".1%"),
            cell(step["weight_gb_per_s"], ".4g"), cell(step["host_us"], ".1f"),
        ])
    table(
        "Steps, in ms. Asked: rows of a sequence that are predicted. Ratios: PyTorch's time over the engine's, where both predict all"
        " rows. Peak: the largest product measured, the engine's or PyTorch's. Host: of a step, the time in which the device has"
        " nothing to do.",
        ["batch x length", "asked", "engine", "eager", "compiled", "eager / engine", "compiled / engine", "TFLOP/s", "of peak",
         "weights GB/s", "host µs"],
        rows)


def attention():
    rows = []
    for each in of(engine, "attention"):
        theirs = one(pytorch, "sdpa", batch=each["batch"], length=each["length"]).get("ms")
        rows.append([
            f"{each['batch']} x {each['length']}", cell(each["ms"], ".4f"), cell(theirs, ".4f"),
            cell(ratio(theirs, each["ms"]), ".2f"), cell(each["tflops"], ".3g"),
        ])
    table("Attention of one layer, in ms.", ["batch x length", "engine", "SDPA", "SDPA / engine", "TFLOP/s"], rows)


def vocabulary():
    rows = []
    for each in of(engine, "vocabulary"):
        whole = one(pytorch, "head-materialised", rows=each["rows"])
        rows.append([
            f"{each['rows']} x {each['ids']}", cell(each["device_ms"], ".3f"), cell(each["product_ms"], ".3f"),
            cell(each["over_product"], ".2f"), cell(one(pytorch, "head-gemm", rows=each["rows"]).get("ms"), ".3f"),
            cell(whole.get("ms"), ".3f"), cell(each["bytes"] / 1e6, ".0f"), cell(ratio(whole.get("bytes"), 1e6), ".0f"),
        ])
    table(
        "Head and reduction of its logits, in ms; memory in MB.",
        ["rows x ids", "engine", "bare product", "over product", "PyTorch's product", "PyTorch, whole logits", "memory",
         "PyTorch's memory"],
        rows)


def decoding():
    rows = [
        [each["sampler"], str(each["steps_per_block"]), str(each["batch"]), str(each["forwards"]),
         cell(each["ms_per_forward"], ".3f"), cell(each["tokens_per_s"], ".0f")]
        for each in of(engine, "decoding")
    ]
    table(
        "Block diffusion with the exact cache (SDAR-4B's geometry, blocks of 4) and autoregressive decoding (Qwen3-4B's), on the same"
        " random weights.",
        ["sampler", "steps a block", "batch", "forwards", "ms a forward", "tokens/s"], rows)


def targets(peak, copy):
    def target(what, value, form, met):
        return [what, cell(value, form), "" if value is None else "met" if met(value) else "missed"]

    def step(batch, length):
        return one(engine, "step", batch=batch, length=length, asked=length)

    def slowest(kind):
        found = [
            ratio(one(pytorch, kind, batch=each["batch"], length=each["length"]).get("ms"), each["ms"])
            for each in of(engine, "step") if each["asked"] == each["length"]
        ]
        return min((each for each in found if each is not None), default=None)

    head, load, stream = one(engine, "vocabulary"), one(engine, "load"), one(engine, "streaming")
    single = [each["host_us"] for each in of(engine, "step") if each["batch"] == 1]
    table("Targets.", ["what", "measured", ""], [
        target("weights read at 1 x 256, of the measured copy's GB/s: 80 %",
               ratio(step(1, 256).get("weight_gb_per_s"), copy), ".1%", lambda value: value >= 0.8),
        target("arithmetic at 8 x 1024, of the measured peak: 75 %",
               ratio(step(8, 1024).get("tflops"), peak), ".1%", lambda value: value >= 0.75),
        target("eager PyTorch's time over the engine's, at least: 1.5", slowest("step-eager"), ".2f", lambda value: value >= 1.5),
        target("compiled PyTorch's time over the engine's, at least: 1.0", slowest("step-compiled"), ".2f", lambda value: value >= 1),
        target("vocabulary over its bare product: 1.15", head.get("over_product"), ".2f", lambda value: value <= 1.15),
        target("memory of the vocabulary, MB: 300", ratio(head.get("bytes"), 1e6), ".0f", lambda value: value < 300),
        target("host a step at batch 1, µs: 50", max(single), ".1f", lambda value: value < 50),
        target("loading, GB/s: 5", load.get("gb_per_s"), ".2f", lambda value: value >= 5),
        target("cost of streaming: 1 %", stream.get("cost"), ".2%", lambda value: value < 0.01),
    ])


peaks = [row["tflops"] for row in of(engine, "peak-gemm") + of(pytorch, "peak-gemm")]
copies = [row["gb_per_s"] for row in of(engine, "peak-copy") + of(pytorch, "peak-copy")]
version = one(pytorch, "pytorch")
lines.append("# The engine on a GPU, beside plain PyTorch")
lines.append("")
if header["emulated"]:
    lines.extend(["**Emulated device: these times say nothing about a GPU.**", ""])
lines.extend([
    f"- device: {header['device']}", f"- date: {header['date']}", f"- commit: {commit}", f"- geometry: {header['geometry']}",
    f"- engine: {one(engine, 'load').get('backend', '')}",
    f"- PyTorch: {version['version']} on {version['device']}" if version else "- PyTorch: not measured",
    f"- measured peaks: {max(peaks):.4g} TFLOP/s, {max(copies):.4g} GB/s",
])
steps(max(peaks))
attention()
vocabulary()
decoding()
if header["emulated"]:
    lines.extend(["", "Targets are for a GPU."])
else:
    targets(max(peaks), max(copies))

with open(f"{folder}/gpu.json", "w", encoding="utf-8") as out:
    json.dump({"header": {**header, "commit": commit}, "engine": engine, "pytorch": pytorch}, out, indent=1)
    out.write("\n")
with open(f"{folder}/gpu.md", "w", encoding="utf-8") as out:
    out.write("\n".join(lines) + "\n")
print("\n".join(lines))
