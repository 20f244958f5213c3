"""Every canvas of published samplers on the oracle's checkpoints, with this engine's random numbers in place of torch's.

    python tests/oracle/sampler_states.py tests/src/test/resources/oracle PUBLISHED > tests/src/test/resources/sampler-states.json

needs torch, numpy, safetensors, tqdm and transformers. PUBLISHED is a folder with what these repositories hold:
ThinkOutofOrder (github.com/fengsxy) at 4cd5ffb, Path-Planning (github.com/pengzhangzhi) at 68675ea, Open-dLLM (the same)
at 8b38787 and dInfer (github.com/inclusionAI) at fce4e32.

The logits are those of the plain forward in activations.py, which is compared with published models there. No case draws the mask
id, as published loops may and this engine does not; where this engine leaves it out of a distribution, it is left out of the logits.
And in no case do the canvases change if every logit is off by about NEAR: they are those of any right arithmetic.
"""
import importlib.util, json, os, pathlib, sys, types

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # dInfer compiles what it may as well interpret

import numpy, torch

from activations import Model

GUMBEL = 0
NEAR, TRIALS = 1e-4, 4
BLOCK_CAUSAL = ["sdar", "llada2_moe"]


def philox(index, position, step, purpose, seed):
    c, k = [index, position, step, purpose], [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [k[0] + 0x9E3779B9 & 0xFFFFFFFF, k[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return [(word + 0.5) * 2.0**-32 for word in c]


def imported(path, package=None):
    """A file as a module, beside those of its package, whose own __init__ is not run."""
    if package is not None:
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [str(path.parent)]
    name = path.stem if package is None else f"{package}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorder:
    """A checkpoint whose every canvas is kept; all that a published loop asks of a model."""

    def __init__(self, folder, prompt, options, seed):
        config = json.loads((folder / "config.json").read_text())
        self.mask, self.shift = config["mask_token_id"], 1 if config["model_type"] == "Dream" else 0
        self.unwanted, self.stop = [self.mask], config.get("eos_token_id")
        self.block = options["block_length"] if config["model_type"] in BLOCK_CAUSAL else 0
        self.model, self.prompt, self.length, self.seed = Model(folder), prompt, len(prompt) + options["gen_length"], seed
        if self.block:
            self.length += -self.length % self.block
        self.unmaskable = "top_p" in options and (options["temperature"] > 0 or options["top_p"] < 1 or options["top_k"] > 0)
        self.greedy = options["temperature"] == 0 and not self.unmaskable
        self.noise = None

    def start(self, trial):
        """The canvas before a run; the logits of trial 0 are as they are."""
        self.noise = numpy.random.default_rng(trial) if trial else None
        self.seen, self.drew_unwanted, self.first = [], False, 0
        return torch.tensor([self.prompt + [self.mask] * (self.length - len(self.prompt))])

    def __call__(self, ids=None, input_ids=None, **_):
        ids = ids if input_ids is None else input_ids
        self.seen.append(ids[0].tolist())
        length = ids.shape[1]
        logits = self.model(ids[0], [min(length, (i // self.block + 1) * self.block) if self.block else length for i in range(length)])
        self.drawn(logits.roll(self.shift, 0).argmax(-1) if self.greedy else [], 0)
        if self.unmaskable:
            logits[:, self.mask] = -torch.inf
        if self.noise is not None:
            logits = logits + NEAR * torch.tensor(self.noise.standard_normal(logits.shape))
        return types.SimpleNamespace(logits=logits[None])

    def parameters(self):
        yield torch.empty(0)

    def uniforms(self, rows, vocabulary):
        """Of the rows from position `first` on."""
        blocks = range((vocabulary + 3) // 4)
        return torch.tensor(
            [
                [u for i in blocks for u in philox(i, self.first + row, len(self.seen) - 1, GUMBEL, self.seed)][:vocabulary]
                for row in range(rows)
            ]
        )

    def drawn(self, chosen, first):
        """Notes whether a position behind the prompt drew the mask, or what would end a text before its time; from position `first` on."""
        behind = max(0, len(self.prompt) - first)
        self.drew_unwanted |= bool(torch.isin(torch.as_tensor(chosen)[behind:], torch.tensor(self.unwanted)).any())

    def canvases(self, last, steps=None):
        every = [state[len(self.prompt) :] for state in self.seen[1:] + [last]]
        return every + every[-1:] * ((steps or len(every)) - len(every))


def watched(module, recorder):
    """The module's torch.argmax and torch.rand_like: what is drawn is looked at, and random numbers are ours."""
    watching = types.SimpleNamespace(**{name: getattr(torch, name) for name in dir(torch) if not name.startswith("__")})

    def argmax(values, dim=None, **named):
        found = torch.argmax(values, dim=dim, **named)
        if values.dim() == 3:
            recorder.drawn(found[0], recorder.first)
        return found

    watching.argmax = argmax
    watching.rand_like = lambda like, **_: recorder.uniforms(*like.shape[1:])[None]
    module.torch = watching


def llada(published, recorder, options, trial):
    """The LLaDA loop of ThinkOutofOrder."""
    models = sys.modules["models.llada"] = sys.modules["models"] = types.ModuleType("models")
    models.LLaDAConfig = models.LLaDAModelLM = object
    module = imported(published / "ThinkOutofOrder/eval/run_llada_sampling_methods.py")
    recorder.start(trial)
    watched(module, recorder)
    results = []
    tokenizer = types.SimpleNamespace(decode=lambda ids, **_: results.append(recorder.prompt + ids.tolist()) or "")
    module.llada_decode(recorder, tokenizer, torch.tensor([recorder.prompt]), mask_id=recorder.mask, **options)
    return recorder.canvases(results[0], options["steps"])


def path_planning(published, recorder, options, trial):
    """p2_sampling of Path-Planning."""
    module = imported(published / "Path-Planning/src/path_planning/p2.py", "path_planning")
    module.tqdm = lambda steps: steps
    canvas = recorder.start(trial)
    last = module.p2_sampling(
        canvas, lambda ids: recorder(ids).logits, recorder.mask, options["steps"], tau=options["temperature"], eta=options["eta"]
    )
    return recorder.canvases(last[0].tolist())


def open_dllm(published, recorder, options, trial):
    """alg="p2" of Open-dLLM."""
    module = imported(published / "Open-dLLM/veomni/models/transformers/qwen2/generation_utils.py")

    class Loop(module.MDMGenerationMixin):
        config, device = types.SimpleNamespace(pad_token_id=None), "cpu"

        def __call__(self, **named):
            return recorder(**named)

    def multinomial(probabilities, *_, **__):
        with numpy.errstate(divide="ignore"):
            scores = probabilities.double().log() - (-recorder.uniforms(*probabilities.shape).log()).log()
        return scores.argmax(-1, keepdim=True)

    canvas = recorder.start(trial)
    given = dict(mask_token_id=recorder.mask, steps=options["steps"], eps=1e-3, alg="p2", alg_temp=0.0, max_length=recorder.length)
    draw = dict(temperature=options["temperature"], top_p=options["top_p"], top_k=options["top_k"] or None)
    config = types.SimpleNamespace(output_history=False, return_dict_in_generate=False, **given, **draw)
    kept, torch.multinomial = torch.multinomial, multinomial
    try:
        last = Loop()._mdm_sample(canvas, None, config)
    finally:
        torch.multinomial = kept
    return recorder.canvases(last[0].tolist(), options["steps"])


def parallel_strategy(published, recorder):
    sys.modules["dinfer"] = types.ModuleType("dinfer")
    module = imported(published / "dInfer/python/dinfer/decoding/parallel_strategy.py", "dinfer.decoding")
    watched(module, recorder)
    watched(sys.modules["dinfer.decoding.utils"], recorder)
    return module


def hierarchy_decoder(published, recorder, options, trial):
    """HierarchyDecoder of dInfer."""
    given = dict(threshold=options.get("threshold"), low_threshold=options["low_threshold"])
    decoder = parallel_strategy(published, recorder).HierarchyDecoder(options["temperature"], mask_id=recorder.mask, **given)
    canvas, length, prompt = recorder.start(trial), options["block_length"], len(recorder.prompt)
    if recorder.block:
        recorder.unwanted = [recorder.mask, recorder.stop]
    for end in range((prompt // length + 1) * length if recorder.block else prompt + length, recorder.length + 1, length):
        recorder.first = end - length
        while (canvas[:, end - length : end] == recorder.mask).any():
            seen = canvas[:, :end] if recorder.block else canvas
            logits = recorder(seen).logits[:, end - length : end]
            recorder.seen[-1] = canvas[0].tolist()
            decoder.decode(logits, end - length, end, canvas)
    return recorder.canvases(canvas[0].tolist())


def generate_hierarchy(published, recorder, options, trial):
    """generate_hierarchy of dInfer."""
    parallel_strategy(published, recorder)
    sys.modules.pop("dinfer.decoding.generate_hierarchy", None)
    module = importlib.import_module("dinfer.decoding.generate_hierarchy")
    recorder.start(trial)
    length, prompt = options["block_length"], len(recorder.prompt)

    def model(ids):
        recorder.first = prompt + (ids[0].tolist().index(recorder.mask, prompt) - prompt) // length * length
        return recorder(ids)

    model.device = "cpu"
    given = dict(threshold=options["threshold"], low_threshold=options["low_threshold"], temperature=options["temperature"])
    shape = dict(gen_length=options["gen_length"], block_length=length, steps=options["gen_length"])
    last, _ = module.generate_hierarchy(
        model, torch.tensor([recorder.prompt]), mask_id=recorder.mask, decoding="hierarchy_fast_v2", **given, **shape
    )
    return recorder.canvases(last[0].tolist())


def hierarchy(gen_length, block_length, temperature, threshold, low_threshold):
    given = {} if threshold is None else {"threshold": threshold}
    return dict(gen_length=gen_length, block_length=block_length, temperature=temperature, **given, low_threshold=low_threshold)


CASES = [
    ("llada-mha", llada, "llada", dict(steps=16, gen_length=16, block_length=16, temperature=0.0, remasking="topk_margin")),
    ("llada-gqa", llada, "llada", dict(steps=12, gen_length=24, block_length=8, temperature=0.0, remasking="topk_margin")),
    ("llada-moe", llada, "llada", dict(steps=5, gen_length=12, block_length=12, temperature=0.0, remasking="topk_margin")),
    ("llada-mha", llada, "llada", dict(steps=10, gen_length=20, block_length=10, temperature=0.8, remasking="topk_margin")),
    ("llada-mha", llada, "llada", dict(steps=14, gen_length=28, block_length=14, temperature=0.0, remasking="entropy")),
    ("llada-gqa", llada, "llada", dict(steps=6, gen_length=16, block_length=16, temperature=0.5, remasking="entropy")),
    ("llada-mha", path_planning, "p2", dict(steps=16, gen_length=16, temperature=0.0, eta=1.0)),
    ("llada-gqa", path_planning, "p2", dict(steps=11, gen_length=24, temperature=0.0, eta=1.5)),
    ("llada-moe", path_planning, "p2", dict(steps=5, gen_length=13, temperature=0.0, eta=0.5)),
    ("llada-mha", path_planning, "p2", dict(steps=22, gen_length=22, temperature=0.0, eta=2.0)),
    ("llada-gqa", path_planning, "p2", dict(steps=9, gen_length=14, temperature=0.0, eta=0.0)),
    ("dream", open_dllm, "p2", dict(steps=10, gen_length=20, temperature=0.0, top_p=1.0, top_k=0)),
    ("dream", open_dllm, "p2", dict(steps=12, gen_length=20, temperature=0.6, top_p=1.0, top_k=0)),
    ("dream", open_dllm, "p2", dict(steps=9, gen_length=18, temperature=0.9, top_p=0.9, top_k=40)),
    ("dream", open_dllm, "p2", dict(steps=15, gen_length=10, temperature=0.4, top_p=0.95, top_k=0)),
    ("llada-mha", hierarchy_decoder, "llada", hierarchy(24, 24, 0.0, 0.08, 0.02)),
    ("llada-gqa", hierarchy_decoder, "llada", hierarchy(32, 16, 0.0, 0.1, 0.03)),
    ("llada-moe", hierarchy_decoder, "llada", hierarchy(20, 20, 0.0, None, 0.015)),
    ("llada-mha", hierarchy_decoder, "llada", hierarchy(24, 12, 0.7, 0.3, 0.02)),
    ("llada-mha", generate_hierarchy, "llada", hierarchy(28, 28, 0.0, 0.1, 0.025)),
    ("llada-gqa", generate_hierarchy, "llada", hierarchy(24, 12, 0.6, 0.2, 0.01)),
    ("sdar", hierarchy_decoder, "block", hierarchy(24, 8, 0.0, 0.08, 0.02)),
    ("llada2-moe", hierarchy_decoder, "block", hierarchy(32, 8, 0.0, 0.1, 0.03)),
]


def main():
    oracle, published = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    cases = []
    for number, (folder, run, sampler, options) in enumerate(CASES):
        attempt = 0
        while True:
            random = numpy.random.default_rng([number, attempt])
            prompt = random.integers(2, 300, size=int(random.integers(3, 12))).tolist()
            recorder = Recorder(oracle / folder, prompt, options, 1000 * number + attempt)
            with torch.no_grad():
                runs = []
                for trial in range(TRIALS):
                    runs.append(run(published, recorder, options, trial))
                    if recorder.drew_unwanted or runs[-1] != runs[0]:
                        break
                else:
                    break
            attempt += 1
        given = options | {"seed": recorder.seed}
        cases.append({"folder": folder, "source": run.__doc__, "sampler": sampler, "options": given, "prompt": prompt, "canvases": runs[0]})
        print(f"{folder} {sampler}: attempt {attempt}", file=sys.stderr)
    json.dump({"cases": cases}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
