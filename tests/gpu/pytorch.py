"""A plain PyTorch LLaDA-8B with random weights, in bf16: the times that the engine's are held against.

pytorch.py real   one JSON object a line: step times, eager and compiled; attention; head; the GPU's ceilings
pytorch.py tiny   the same of a small model, on the CPU if there is no GPU: shows that all of it runs
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

TINY = sys.argv[1] == "tiny"
DEVICE = "cuda" if torch.cuda.is_available() or not TINY else "cpu"
SHAPES = [(1, 8), (1, 32), (2, 64)] if TINY else [(1, 32), (1, 256), (1, 1024), (8, 1024), (32, 512)]
HIDDEN, LAYERS, HEADS, INNER, VOCABULARY = (64, 2, 4, 128, 512) if TINY else (4096, 32, 32, 12288, 126464)
SIZE = HIDDEN // HEADS
HEAD_ROWS = 64 if TINY else 4096
PEAK = 256 if TINY else 8192
COPIED = 1 << 20 if TINY else 1 << 30

torch.manual_seed(1)


def random(*shape):
    return torch.randn(*shape, device=DEVICE, dtype=torch.bfloat16) * 0.02


def ones():
    return torch.ones(HIDDEN, device=DEVICE, dtype=torch.bfloat16)


embedding, head, final = random(VOCABULARY, HIDDEN), random(VOCABULARY, HIDDEN), ones()
blocks = [
    (ones(), ones(), random(3 * HIDDEN, HIDDEN), random(HIDDEN, HIDDEN), random(2 * INNER, HIDDEN), random(HIDDEN, INNER))
    for _ in range(LAYERS)
]
angle = torch.outer(torch.arange(4096.0), 500000.0 ** (-torch.arange(0, SIZE, 2) / SIZE)).repeat(1, 2).to(DEVICE)
cos, sin = angle.cos().bfloat16(), angle.sin().bfloat16()


def norm(x, gain):
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).bfloat16() * gain


def rotate(x):
    left, right = x.chunk(2, -1)
    return x * cos[: x.shape[2]] + torch.cat((-right, left), -1) * sin[: x.shape[2]]


def block(x, n1, n2, qkv, out, up, down):
    q, k, v = F.linear(norm(x, n1), qkv).unflatten(-1, (3, HEADS, SIZE)).permute(2, 0, 3, 1, 4)
    a = F.scaled_dot_product_attention(rotate(q), rotate(k), v)
    x = x + F.linear(a.transpose(1, 2).flatten(2), out)
    gate, value = F.linear(norm(x, n2), up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * value, down)


def predictions(x):
    logits = F.linear(norm(x, final), head)
    best = logits.argmax(-1, keepdim=True)
    top = logits.gather(-1, best).float()
    # The probability in pieces of rows: all of it in f32 would not fit at the largest batch.
    total = torch.cat([torch.logsumexp(part.float(), -1) for part in logits.flatten(0, 1).split(2048)])
    return best, (top.flatten() - total).exp()


def step(ids, of_block, of_end):
    x = embedding[ids]
    for weights in blocks:
        x = of_block(x, *weights)
    return of_end(x)


def reduced(x):
    """What the vocabulary op says of a row, from whole logits: argmax, the two best, log-sum-exp, entropy."""
    logits = F.linear(x, head).float()
    best = logits.topk(2, -1)
    total = torch.logsumexp(logits, -1, keepdim=True)
    logs = logits - total
    return best.indices[:, 0], (best.values - total).exp(), total, -(logs.exp() * logs).sum(-1)


def millis(work, runs=20, warm=5):
    times = []
    for run in range(warm + runs):
        if DEVICE == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        else:
            start = time.perf_counter()
            work()
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[warm:])


def say(**row):
    print(json.dumps(row), flush=True)


def measure():
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    say(benchmark="pytorch", version=torch.__version__, device=name)
    a, b = random(PEAK, PEAK), random(PEAK, PEAK)
    taken = millis(lambda: a @ b)
    say(benchmark="peak-gemm", size=PEAK, ms=taken, tflops=2 * PEAK**3 / taken / 1e9)
    source = torch.randint(255, (COPIED,), dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    taken = millis(lambda: target.copy_(source))
    say(benchmark="peak-copy", bytes=COPIED, ms=taken, gb_per_s=2 * COPIED / taken / 1e6)
    del a, b, source, target
    for batch, length in SHAPES:
        q, k, v = (random(batch, HEADS, length, SIZE) for _ in range(3))
        # Many in one go: the host would not keep up with a short one.
        taken = millis(lambda: [F.scaled_dot_product_attention(q, k, v) for _ in range(32)]) / 32
        say(benchmark="sdpa", batch=batch, length=length, ms=taken, tflops=4 * batch * length**2 * HIDDEN / taken / 1e9)
        for name, kind in (("flash", SDPBackend.FLASH_ATTENTION), ("cudnn", SDPBackend.CUDNN_ATTENTION)) if DEVICE == "cuda" else ():
            try:
                with sdpa_kernel(kind):
                    taken = millis(lambda: [F.scaled_dot_product_attention(q, k, v) for _ in range(32)]) / 32
                say(benchmark="sdpa-" + name, batch=batch, length=length, ms=taken)
            except RuntimeError as e:
                say(benchmark="sdpa-" + name, batch=batch, length=length, error=str(e).splitlines()[0])
        del q, k, v
    x = random(HEAD_ROWS, HIDDEN)
    say(benchmark="head-gemm", rows=HEAD_ROWS, ms=millis(lambda: F.linear(x, head)))
    before = torch.cuda.memory_allocated() if DEVICE == "cuda" else 0
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    taken = millis(lambda: reduced(x))
    peak = torch.cuda.max_memory_allocated() - before if DEVICE == "cuda" else None
    say(benchmark="head-materialised", rows=HEAD_ROWS, ms=taken, bytes=peak)
    # The blocks have one shape, so that one is compiled for all.
    compiled = [torch.compile(each, dynamic=False) for each in (block, predictions)]
    for name, parts in (("eager", (block, predictions)), ("compiled", compiled)):
        for batch, length in SHAPES:
            ids = torch.randint(VOCABULARY, (batch, length), device=DEVICE)
            try:
                say(benchmark="step-" + name, batch=batch, length=length, ms=millis(lambda: step(ids, *parts)))
            except torch.OutOfMemoryError:
                say(benchmark="out-of-memory", what=name, batch=batch, length=length)
                torch.cuda.empty_cache()


with torch.inference_mode():
    measure()
