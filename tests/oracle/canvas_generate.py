"""What DiffusionGemma's published generate() writes, with this engine's random numbers in place of torch's.

Needs transformers 5.18, torch and numpy. Run as
    python tests/oracle/canvas_generate.py tests/src/test/resources/oracle/diffusion-gemma > canvas_generate.json
The checkpoint is the oracle's. Ids are drawn by Gumbel noise and random ids are taken from Philox4x32-10, keyed by seed, step and
position as docs/GUARANTEE.md says, so that every canvas can be compared. `top_1`, `top_k` and `off` are the published loop with what a step
is told replaced by its most probable ids, by the most probable few with their probabilities divided by their sum, or by nothing.
"""
import json
import sys

import numpy as np
import torch
from transformers import DiffusionGemmaForBlockDiffusion
from transformers.models.diffusion_gemma import generation_diffusion_gemma as published

GUMBEL, NOISE, FIRST_NOISE = 0, 10, 11
CERTAIN = 1e4  # a logit that makes its id's probability one
# Of logits: a case with a choice between what is no further apart is left for the next seed. What a soft step is told makes an error of
# the step before some thirty times as large with these weights: the published code in float64 and in float32 part after three steps.
NEAR = {"soft": 5e-3, "top_k": 5e-3, "top_1": 2e-4, "off": 2e-4}


def philox(index, position, step, purpose, seed):
    c, k = [index, position, step, purpose], [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [k[0] + 0x9E3779B9 & 0xFFFFFFFF, k[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return [(word + 0.5) * 2.0**-32 for word in c]


def generate(model, prompt, told, few, seed, **options):
    vocabulary, length = model.config.text_config.vocab_size, model.config.canvas_length
    at = {"step": -1, "start": len(prompt) - length}
    canvases, gaps = [], []

    def noise(purpose, step):
        return torch.tensor(
            [[int(philox(0, at["start"] + i, step, purpose, seed)[0] * vocabulary) for i in range(length)]]
        )

    def initialize(self, batch_size, device):
        if at["fresh"]:
            at["fresh"] = False
            return noise(FIRST_NOISE, 0)
        return noise(NOISE, at["step"])

    def multinomial(probabilities, num_samples):
        ids = []
        for row in range(length):
            uniform = np.array(
                [philox(i // 4, at["start"] + row, at["step"], GUMBEL, seed)[i % 4] for i in range(vocabulary)]
            )
            with np.errstate(divide="ignore"):
                score = np.log(probabilities[row].double().numpy()) - np.log(-np.log(uniform))
            ids.append([int(np.argmax(score))])
            gaps.append(float(np.diff(np.sort(score)[-2:])[0]) * at["temperature"])
        return torch.tensor(ids)

    begin, step = model._prepare_denoiser_inputs, model._denoising_step

    def begun(*given, **named):
        at["start"] += length
        at["fresh"] = True
        return begin(*given, **named)

    def taken(*given, **named):
        at["step"] += 1
        at["temperature"] = options["t_min"] + (options["t_max"] - options["t_min"]) * float(
            named["cur_step"] / options["max_denoising_steps"]
        )
        canvas, argmax, logits, finished = step(*given, **named)
        entropies = np.sort(torch.distributions.Categorical(logits=logits[0]).entropy().double().numpy())
        accepted = int((np.cumsum(entropies) - entropies <= bound).sum())
        if 0 < accepted < length:
            gaps.append(float(entropies[accepted] - entropies[accepted - 1]) * at["temperature"])
        gaps.append(float(np.abs(np.cumsum(entropies) - bound).min()) * at["temperature"])
        top = logits[0].double().topk(2).values
        gaps.append(float((top[:, 0] - top[:, 1]).min()) * at["temperature"])
        done = bool(finished.all()) or int(named["cur_step"]) == 1
        canvases.append((argmax if done else canvas)[0].tolist())
        if told == "top_1":
            logits = torch.nn.functional.one_hot(argmax, vocabulary).float() * CERTAIN
        if told == "top_k":
            # Who is among the few matters to the next step alone, so it is settled a step before errors have grown: a fifth is enough.
            ranked = logits[0].topk(few + 1).values
            gaps.append(5 * float((ranked[:, few - 1] - ranked[:, few]).min()) * at["temperature"])
            kept = logits.topk(few)
            logits = torch.full_like(logits, -torch.inf).scatter(-1, kept.indices, kept.values)
        return canvas, argmax, None if told == "off" else logits, finished

    kept = published.EntropyBoundSampler.initialize_canvas, torch.multinomial
    model._prepare_denoiser_inputs, model._denoising_step = begun, taken
    published.EntropyBoundSampler.initialize_canvas, torch.multinomial = initialize, multinomial
    options = dict(options)
    bound = options.pop("entropy_bound")
    try:
        model.generate(
            torch.tensor([prompt]),
            sampler_config=published.EntropyBoundSamplerConfig(entropy_bound=bound),
            disable_compile=True,
            eos_token_id=1,
            **options,
        )
    finally:
        published.EntropyBoundSampler.initialize_canvas, torch.multinomial = kept
        model._prepare_denoiser_inputs, model._denoising_step = begin, step
    return canvases, min(gaps)


def main():
    model = DiffusionGemmaForBlockDiffusion.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    random = np.random.default_rng(5)
    cases = []
    for told, few in [("soft", 0), ("top_1", 0), ("off", 0), ("top_k", 3), ("top_k", 9)]:
        # To the last step; ended early by entropy alone; sharp distributions.
        long = [(6, 12.0, 0.4, 0.8, 1, 0.005), (8, 30.0, 0.1, 0.6, 0, 4.0), (9, 5.0, 0.05, 0.1, 1, 3.0)]
        short = [(3, 12.0, 0.4, 0.8, 1, 0.005), (8, 30.0, 0.1, 0.6, 0, 4.0), (2, 5.0, 0.2, 0.4, 1, 3.0)]
        for steps, bound, low, high, stable, confident in short if told in ("soft", "top_k") else long:
            prompt = random.integers(2, 320, size=int(random.integers(3, 20))).tolist()
            seed = 40 + len(cases)
            options = {
                "max_new_tokens": 32,
                "max_denoising_steps": steps,
                "entropy_bound": bound,
                "t_min": low,
                "t_max": high,
                "stability_threshold": stable,
                "confidence_threshold": confident,
            }
            canvases, gap = generate(model, prompt, told, few, seed, **options)
            while gap < NEAR[told]:
                seed += 100
                canvases, gap = generate(model, prompt, told, few, seed, **options)
            case = {"prompt": prompt, "self_conditioning": told, "seed": seed}
            case |= {"self_conditioning_k": few} if few else {}
            cases.append(case | options | {"canvases": canvases})
    json.dump({"source": "transformers 5.18 DiffusionGemmaForBlockDiffusion.generate, float32", "cases": cases}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
