"""A plain PyTorch LLaDA-8B with random weights, in bf16: the times that the engine's are held against.

pytorch.py                          one JSON object a line: step times, eager and compiled; attention; head; the GPU's ceilings
pytorch.py --table DEVICE PYTORCH   a table of both, from the lines of DeviceBenchmark and of this script
"""

import json
import statistics
import sys

SHAPES = [(1, 256), (1, 1024), (8, 1024), (32, 512)]
HIDDEN, LAYERS, HEADS, INNER, VOCABULARY = 4096, 32, 32, 12288, 126464


def table(device_file, pytorch_file):
    read = lambda name: [json.loads(line) for line in open(name) if line.startswith("{")]
    device, pytorch = read(device_file), read(pytorch_file)
    print("| batch x length | engine ms | eager ms | compiled ms | eager / engine | compiled / engine |")
    print("|---|---|---|---|---|---|")
    for batch, length in SHAPES:
        same = lambda row, kind: row["benchmark"] == kind and row["batch"] == batch and row["length"] == length
        ours = next(row["ms"] for row in device if same(row, "step") and row["asked"] == length)
        eager = next(row["ms"] for row in pytorch if same(row, "step-eager"))
        compiled = next((row["ms"] for row in pytorch if same(row, "step-compiled")), None)
        ratio = "" if compiled is None else f"{compiled / ours:.2f}"
        shown = "" if compiled is None else f"{compiled:.2f}"
        print(f"| {batch} x {length} | {ours:.2f} | {eager:.2f} | {shown} | {eager / ours:.2f} | {ratio} |")


def measure():
    import torch
    import torch.nn.functional as F

    torch.manual_seed(1)
    random = lambda *shape: torch.randn(*shape, device="cuda", dtype=torch.bfloat16) * 0.02
    ones = lambda: torch.ones(HIDDEN, device="cuda", dtype=torch.bfloat16)
    embedding, head, final = random(VOCABULARY, HIDDEN), random(VOCABULARY, HIDDEN), ones()
    blocks = [
        dict(n1=ones(), n2=ones(), qkv=random(3 * HIDDEN, HIDDEN), out=random(HIDDEN, HIDDEN),
             up=random(2 * INNER, HIDDEN), down=random(HIDDEN, INNER))
        for _ in range(LAYERS)
    ]
    size = HIDDEN // HEADS
    angle = torch.outer(torch.arange(4096.0), 500000.0 ** (-torch.arange(0, size, 2) / size)).repeat(1, 2).cuda()
    cos, sin = angle.cos().bfloat16(), angle.sin().bfloat16()

    def norm(x, gain):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).bfloat16() * gain

    def rotate(x):
        left, right = x.chunk(2, -1)
        return x * cos[: x.shape[2]] + torch.cat((-right, left), -1) * sin[: x.shape[2]]

    def step(ids):
        x = embedding[ids]
        for w in blocks:
            q, k, v = F.linear(norm(x, w["n1"]), w["qkv"]).unflatten(-1, (3, HEADS, size)).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(rotate(q), rotate(k), v)
            x = x + F.linear(a.transpose(1, 2).flatten(2), w["out"])
            gate, up = F.linear(norm(x, w["n2"]), w["up"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, w["down"])
        logits = F.linear(norm(x, final), head)
        best = logits.argmax(-1, keepdim=True)
        top = logits.gather(-1, best).float()
        # The probability in pieces of rows: all of it in f32 would not fit at the largest batch.
        total = torch.cat([torch.logsumexp(part.float(), -1) for part in logits.flatten(0, 1).split(2048)])
        return best, (top.flatten() - total).exp()

    def time(work, runs=20, warm=5):
        times = []
        for run in range(warm + runs):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            end.synchronize()
            if run >= warm:
                times.append(start.elapsed_time(end))
        return statistics.median(times)

    def say(**row):
        print(json.dumps(row), flush=True)

    say(benchmark="pytorch", version=torch.__version__, device=torch.cuda.get_device_name())
    with torch.inference_mode():
        a, b = random(8192, 8192), random(8192, 8192)
        millis = time(lambda: a @ b)
        say(benchmark="peak-gemm", ms=millis, tflops=2 * 8192**3 / millis / 1e9)
        source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        millis = time(lambda: target.copy_(source))
        say(benchmark="peak-copy", ms=millis, gb_per_s=2 * source.numel() / millis / 1e6)
        del source, target
        for batch, length in SHAPES:
            q, k, v = (random(batch, HEADS, length, size) for _ in range(3))
            millis = time(lambda: F.scaled_dot_product_attention(q, k, v))
            say(benchmark="sdpa", batch=batch, length=length, ms=millis, tflops=4 * batch * length**2 * HIDDEN / millis / 1e9)
        x = random(4096, HIDDEN)
        say(benchmark="head-gemm", rows=4096, ms=time(lambda: F.linear(x, head)))
        for name, work in (("eager", step), ("compiled", torch.compile(step, dynamic=False))):
            for batch, length in SHAPES:
                ids = torch.randint(VOCABULARY, (batch, length), device="cuda")
                try:
                    say(benchmark="step-" + name, batch=batch, length=length, ms=time(lambda: work(ids)))
                except torch.OutOfMemoryError:
                    say(benchmark="out-of-memory", what=name, batch=batch, length=length)
                    torch.cuda.empty_cache()


if len(sys.argv) == 4 and sys.argv[1] == "--table":
    table(sys.argv[2], sys.argv[3])
else:
    measure()
