"""What `score` should say of texts on the oracle checkpoints.

    python tests/oracle/likelihoods.py tests/src/test/resources

needs torch, numpy and safetensors. It writes scores.jsonl there: lines that `score` takes as they are, each for one model and one
method, with what should come out. Everything is recomputed in float64 from the formulas of docs/measures.md, with the forward of
activations.py, which knows the published logits; random masks come from a Philox of its own. Before a line with `coupled` or
`elbo_mc` is written, the mean over all that could be drawn is compared with the bound by enumeration.
"""
import itertools, json, math, pathlib, sys, zlib

import numpy, torch
from activations import Model

COMPLETION = 5
LINES = [("llada-gqa", "chain"), ("llada-gqa", "elbo_exact"), ("llada-gqa", "elbo_mc"), ("llada-gqa", "coupled"), ("dream", "chain"),
         ("dream", "elbo_exact"), ("dream", "coupled"), ("llada-moe", "elbo_exact"), ("sdar", "exact"), ("sdar", "elbo_exact"),
         ("sdar", "elbo_mc"), ("sdar", "coupled"), ("llama", "exact"), ("qwen2", "exact"), ("qwen3", "exact")]


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        low, high = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [high >> 32 ^ c[1] ^ k[0], high & 0xFFFFFFFF, low >> 32 ^ c[3] ^ k[1], low & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


class Text:
    """Tokens that a masked model fills together, behind those that are given."""

    def __init__(self, model, before, targets, width, limits):
        self.model, self.before, self.targets, self.width, self.limits = model, before, targets, width, limits
        self.mask = model.config["mask_token_id"]
        self.known = {}

    def logs(self, masked):
        """log p of every token, from one forward in which these are masked."""
        masked = tuple(sorted(masked))
        if masked not in self.known:
            ids = [self.mask if i in masked else id for i, id in enumerate(self.targets)]
            ids = self.before + ids + [self.mask] * (self.width - len(self.before) - len(ids))
            rows = self.model(torch.tensor(ids), self.limits(len(ids))).log_softmax(-1)
            shift = 1 if self.model.config["model_type"] == "Dream" else 0
            start = len(self.before) - shift
            self.known[masked] = [rows[start + i, id].item() for i, id in enumerate(self.targets)]
        return self.known[masked]

    def weighted(self, masked, weight):
        """Each token's part of weight * f(masked)."""
        logs = self.logs(masked)
        return numpy.array([weight * logs[i] if i in masked else 0.0 for i in range(len(self.targets))])

    def sets(self, size):
        return itertools.combinations(range(len(self.targets)), size)

    def draw(self, seed, sample, largest):
        length = len(self.targets)
        checksum = zlib.crc32(b"".join(id.to_bytes(4, "big") for id in self.before + self.targets))
        key = (seed & 0xFFFFFFFF, seed >> 32)
        number = lambda j, n: philox((checksum, j, sample, 9), key)[0] * n >> 32
        size, order = 1 + number(0, largest), list(range(length))
        for i in range(size):
            other = i + number(1 + i, length - i)
            order[i], order[other] = order[other], order[i]
        return tuple(sorted(order[:size]))

    def chain(self):
        length = len(self.targets)
        return sum(self.weighted(range(i, length), 1) * (numpy.arange(length) == i) for i in range(length))

    def bound(self):
        length = len(self.targets)
        return sum(numpy.mean([self.weighted(s, 1 / size) for s in self.sets(size)], 0) for size in range(1, length + 1))

    def sample_of_bound(self, masked):
        return self.weighted(masked, len(self.targets) / len(masked))

    def pair(self, masked):
        length = len(self.targets)
        rest = [i for i in range(length) if i not in masked]
        both = self.weighted(masked, 1 / len(masked)) + self.weighted(rest, 1 / len(rest))
        return self.weighted(range(length), 1 / length) + (length - 1) / 2 * both

    def mean_over_all(self, value, largest):
        return numpy.mean([numpy.mean([value(s) for s in self.sets(size)], 0) for size in range(1, largest + 1)], 0)

    def score(self, method, samples, seed):
        """Each token's part, and the variance of the mean."""
        length = len(self.targets)
        if method in ("exact", "chain"):
            return self.chain(), 0
        if method == "elbo_exact":
            return self.bound(), 0
        if method == "coupled" and length == 1:
            return self.weighted([0], 1), 0
        value, largest = (self.sample_of_bound, length) if method == "elbo_mc" else (self.pair, length - 1)
        difference = self.mean_over_all(value, largest) - self.bound()
        assert abs(difference.sum()) < 1e-9, f"{method} is expected to lie {difference.sum()} beside the bound"
        drawn = numpy.array([value(self.draw(seed, sample, largest)) for sample in range(samples)])
        return drawn.mean(0), drawn.sum(1).var(ddof=1) / samples


def causal(model, prompt, completion):
    ids = prompt + completion
    rows = model(torch.tensor(ids), list(range(1, len(ids) + 1))).log_softmax(-1)
    return [rows[i - 1, ids[i]].item() for i in range(len(prompt), len(ids))]


def texts(model, prompt, completion):
    """The whole completion, or its part in each block."""
    if model.kind != "sdar":
        length = len(prompt) + len(completion)
        return [Text(model, prompt, completion, length, lambda n: [n] * n)]
    block = model.config["block_length"]
    limits = lambda n: [(i // block + 1) * block for i in range(n)]
    ids, parts, start = prompt + completion, [], len(prompt)
    while start < len(ids):
        end = (start // block + 1) * block
        parts.append(Text(model, ids[:start], ids[start:end], end, limits))
        start = end
    return parts


def line(folder, name, method, random):
    model = Model(folder / "oracle" / name)
    text = random.integers(0, model.config["vocab_size"] - 10, 6 + COMPLETION).tolist()
    prompt, completion = text[:6], text[6:]
    fields = dict(model=name, method=method, id=f"{name}-{method}", prompt_ids=prompt, completion_ids=completion)
    if model.kind in ("llama", "qwen2", "qwen3"):
        tokens = causal(model, prompt, completion)
        return dict(fields, logprob=sum(tokens), token_logprobs=tokens)
    samples, seed = 16, (7 << 32) + 2500000011
    parts = texts(model, prompt, completion)
    scores = [part.score(method, samples, seed) for part in parts]
    tokens = numpy.concatenate([score for score, _ in scores]).tolist()
    fields |= dict(logprob=sum(tokens), token_logprobs=tokens)
    fields["full_mask_logprobs"] = [log for part in parts for log in part.logs(range(len(part.targets)))]
    if method in ("elbo_mc", "coupled"):
        fields |= dict(samples=samples, seed=seed, standard_error=math.sqrt(sum(variance for _, variance in scores)),
                       expectation=sum(part.bound().sum() for part in parts))
    return fields


resources = pathlib.Path(sys.argv[1])
random = numpy.random.default_rng(17)
with torch.no_grad(), open(resources / "scores.jsonl", "w") as out:
    for name, method in LINES:
        out.write(json.dumps(line(resources, name, method, random)) + "\n")
