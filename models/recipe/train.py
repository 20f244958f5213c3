"""Trains abacus-mdm (masked diffusion, LLaDA layout) or abacus-ar (causal twin, Llama layout). See README.md."""

import argparse
import json
import math
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import problems
import tokenizer as text

HIDDEN, HEADS, LAYERS, MLP = 128, 4, 4, 384
CANVAS, MAX_LENGTH, EPS, THETA = 48, 128, 1e-5, 10000.0


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.attn_norm, self.ff_norm = nn.RMSNorm(HIDDEN, EPS), nn.RMSNorm(HIDDEN, EPS)
        self.q_proj, self.k_proj, self.v_proj = (linear(HIDDEN, HIDDEN) for _ in range(3))
        self.attn_out = linear(HIDDEN, HIDDEN)
        self.ff_proj, self.up_proj, self.ff_out = linear(HIDDEN, MLP), linear(HIDDEN, MLP), linear(MLP, HIDDEN)

    def forward(self, x, rotary, causal):
        n = self.attn_norm(x)
        heads = lambda y: y.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        q, k, v = (heads(p(n)) for p in (self.q_proj, self.k_proj, self.v_proj))
        a = F.scaled_dot_product_attention(rotate(q, rotary), rotate(k, rotary), v, is_causal=causal)
        x = x + self.attn_out(a.transpose(1, 2).flatten(2))
        n = self.ff_norm(x)
        return x + self.ff_out(F.silu(self.ff_proj(n)) * self.up_proj(n))


def rotate(x, rotary):
    cos, sin = rotary
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat((-right, left), -1) * sin


class Model(nn.Module):
    def __init__(self, vocabulary, causal):
        super().__init__()
        self.causal = causal
        self.wte = nn.Embedding(vocabulary, HIDDEN)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f = nn.RMSNorm(HIDDEN, EPS)
        self.head = nn.Linear(HIDDEN, vocabulary, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * LAYERS) if "out" in name else 1))
        size = HIDDEN // HEADS
        frequency = THETA ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(MAX_LENGTH).float(), frequency).repeat(1, 2)
        self.rotary = (angle.cos(), angle.sin())

    def forward(self, ids, wanted):
        """ids [B,T]; wanted [B,T] bool -> logits of the wanted positions."""
        x = self.wte(ids)
        rotary = tuple(r[: ids.shape[1]] for r in self.rotary)
        for block in self.blocks:
            x = block(x, rotary, self.causal)
        return self.head(self.ln_f(x[wanted]))

    def published(self):
        """Tensors under the names of the published checkpoints."""
        state = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in self.state_dict().items()}
        if not self.causal:
            names = {"wte.weight": "wte.weight", "ln_f.weight": "ln_f.weight", "head.weight": "ff_out.weight"}
            return {"model.transformer." + names.get(k, k): v for k, v in state.items()}
        leaves = {
            "attn_norm": "input_layernorm", "ff_norm": "post_attention_layernorm", "attn_out": "self_attn.o_proj",
            "q_proj": "self_attn.q_proj", "k_proj": "self_attn.k_proj", "v_proj": "self_attn.v_proj",
            "ff_proj": "mlp.gate_proj", "up_proj": "mlp.up_proj", "ff_out": "mlp.down_proj",
        }
        result = {}
        for k, v in state.items():
            part = k.split(".")
            if part[0] == "blocks":
                result[f"model.layers.{part[1]}.{leaves[part[2]]}.weight"] = v
            else:
                result[{"wte": "model.embed_tokens", "ln_f": "model.norm", "head": "lm_head"}[part[0]] + ".weight"] = v
        return result


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by five Newton-Schulz iterations (Jordan et al., 2024), in float32, batched by shape."""

    def __init__(self, parameters, lr, momentum=0.95):
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                state["m"].lerp_(p.grad, 1 - group["momentum"])
                shapes.setdefault(p.shape, []).append((p, p.grad.lerp(state["m"], group["momentum"])))
            for shape, pairs in shapes.items():
                g = torch.stack([u for _, u in pairs])
                tall = shape[0] > shape[1]
                x = g.mT if tall else g
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                for _ in range(5):
                    a = x @ x.mT
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                x = x.mT if tall else x
                scale = max(1, shape[0] / shape[1]) ** 0.5
                for (p, _), update in zip(pairs, x):
                    p.mul_(1 - 0.1 * group["lr"]).add_(update, alpha=-group["lr"] * scale)


# digits and signs are what takes learning; separators and ends learn themselves
HARD_WEIGHT = torch.ones(text.tokenizer().get_vocab_size())
HARD_WEIGHT[[text.tokenizer().token_to_id(c) for c in "0123456789+-"]] = 4.0
VALUE, DERIVED = 1, 2  # roles of canvas tokens: running values; what the prompt alone tells


def encode(tok, item):
    prompt = tok.encode("<|user|> " + item.prompt + "<|assistant|>").ids
    answer = tok.encode(item.worked).ids
    # an equation is dd±d=dd plus its separator; the final answer repeats the last value
    roles = ([VALUE, VALUE, DERIVED, DERIVED, DERIVED, VALUE, VALUE, DERIVED] * item.steps + [DERIVED, DERIVED, VALUE, VALUE])
    assert len(roles) == len(answer), item
    return prompt, answer, roles


def batch(rng, tok, rows, longest):
    """Equal total lengths, so that nothing is padded: the canvas is cut at random after the worked answer, or is whole."""
    made = []
    while len(made) < rows:
        item = problems.problem(rng, steps=rng.randint(2, longest))
        prompt, answer, roles = encode(tok, item)
        canvas = CANVAS if rng.random() < 0.3 else rng.randint(len(answer) + 1, CANVAS)
        made.append((prompt, answer + [text.END] * (canvas - len(answer)), roles + [DERIVED] * (canvas - len(answer))))
    return made


def buckets(rng, tok, rows, longest):
    """An endless stream of batches of `rows` sequences of one length; lengths are cut down to the nearest multiple of 4."""
    waiting = {}
    while True:
        for prompt, canvas, roles in batch(rng, tok, rows, longest()):
            need = max(i for i, c in enumerate(canvas) if c != text.END) + 2
            cut = (len(prompt) + len(canvas)) % 4
            if len(canvas) - cut < need:
                cut -= 4
            if cut < 0:
                canvas, roles = canvas + [text.END] * -cut, roles + [DERIVED] * -cut
            elif cut:
                canvas, roles = canvas[:-cut], roles[:-cut]
            length = len(prompt) + len(canvas)
            group = waiting.setdefault(length, [])
            group.append((prompt, canvas, roles))
            if len(group) == rows:
                yield group
                waiting[length] = []


def mask(group):
    """Masked ids, targets and where the loss is taken.

    A third of the rows mask every canvas token with one probability t ~ U(0,1) (LLaDA's forward process). The others look
    like the states that confident-first decoding passes through: a prefix stands, later running values are masked, what
    the prompt tells is masked with one probability; there the loss leaves out values that nothing on the canvas settles yet.
    """
    ids = torch.tensor([p + c for p, c, _ in group])
    role = torch.tensor([[0] * len(p) + r for p, _, r in group])
    rows, length = ids.shape
    start = torch.tensor([[len(p)] for p, _, _ in group])
    equations = torch.tensor([[sum(x == VALUE for x in r) // 4] for _, _, r in group])
    column = torch.arange(length)[None]
    rate = torch.rand(rows, 1)
    uniform = (role > 0) & (torch.rand(rows, length) < rate)
    prefix = start + 8 * (torch.rand(rows, 1) * (equations + 1)).long() + torch.randint(0, 7, (rows, 1))
    after = (column >= prefix) & (role > 0)
    ordered = after & ((role == VALUE) | (torch.rand(rows, length) < rate))
    values_seen = ((role == VALUE) & after).long().cumsum(1)
    settled = (role == DERIVED) | (values_seen <= 2)
    ordered_rows = torch.rand(rows, 1) < 2 / 3
    masked = torch.where(ordered_rows, ordered, uniform)
    loss = masked & (~ordered_rows | settled)
    return ids.masked_fill(masked, text.MASK), ids, loss


def drill(rng, tok, rows):
    """Five unrelated equations in a row, results masked: many sums at little cost, each to be found among the others."""
    lines = []
    for _ in range(rows):
        equations = [problems.worked(*problems.chain(rng, 1))[0].split(" ")[0] for _ in range(5)]
        lines.append(tok.encode("<|assistant|>" + " ".join(equations)).ids)
    ids = torch.tensor(lines)
    both = torch.tensor([[True, True], [True, True], [False, True], [True, False]])
    masked = torch.zeros_like(ids, dtype=torch.bool)
    masked[:, 1:].view(rows, 5, 8)[:, :, 5:7] = both[torch.randint(0, 4, (rows, 5))]
    return ids.masked_fill(masked, text.MASK), ids, masked


@torch.no_grad()
def accuracy(model, tok, rng, count):
    """Share of exact answers, greedy: low-confidence remasking one token a step, or left to right."""
    right = 0
    for _ in range(count):
        item = problems.problem(rng, held_out_set=True)
        prompt, _, _ = encode(tok, item)
        if model.causal:
            ids = list(prompt)
            while len(ids) < len(prompt) + CANVAS and ids[-1] != text.END:
                row = torch.tensor([ids])
                wanted = torch.zeros_like(row, dtype=torch.bool)
                wanted[0, -1] = True
                ids.append(int(model(row, wanted)[0].argmax()))
            out = ids[len(prompt):]
        else:
            row = torch.tensor([prompt + [text.MASK] * CANVAS])
            for _ in range(CANVAS):
                wanted = row == text.MASK
                p, best = model(row, wanted).softmax(-1).max(-1)
                where = wanted[0].nonzero()[:, 0][p.argmax()]
                row[0, where] = best[p.argmax()]
            out = row[0, len(prompt):].tolist()
        cut = out.index(text.END) if text.END in out else len(out)
        right += tok.decode(out[:cut], skip_special_tokens=False).endswith(f"Answer: {item.answer}")
    return right / count


def config(model, vocabulary):
    common = {"vocab_size": vocabulary, "eos_token_id": text.END, "pad_token_id": text.END, "torch_dtype": "bfloat16", "rope_theta": THETA}
    if model.causal:
        return {
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS, "num_hidden_layers": LAYERS, "intermediate_size": MLP, "hidden_act": "silu",
            "rms_norm_eps": EPS, "max_position_embeddings": MAX_LENGTH, "attention_bias": False, "mlp_bias": False,
            "tie_word_embeddings": False, **common,
        }
    return {
        "model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": HIDDEN, "n_heads": HEADS, "n_kv_heads": HEADS,
        "n_layers": LAYERS, "mlp_hidden_size": MLP, "activation_type": "silu", "block_type": "llama", "rope": True,
        "rope_full_precision": True, "layer_norm_type": "rms", "rms_norm_eps": EPS, "max_sequence_length": MAX_LENGTH,
        "include_qkv_bias": False, "include_bias": False, "embedding_size": vocabulary, "weight_tying": False,
        "mask_token_id": text.MASK, **common,
    }


def save(model, vocabulary, folder):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.published(), folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(model, vocabulary), indent=2) + "\n")
    text.write(folder)


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("kind", choices=["mdm", "ar"])
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--minutes", type=float, required=True, help="wall-clock budget; the learning rate decays over it")
    parse.add_argument("--rows", type=int, default=64)
    parse.add_argument("--lr", type=float, default=2e-3, help="AdamW's, for embeddings, head and norms")
    parse.add_argument("--muon-lr", type=float, default=0.01, help="Muon's, for the blocks' matrices")
    parse.add_argument("--resume", type=pathlib.Path, help="folder of an earlier run to go on from, all of the task at once")
    parse.add_argument("--seed", type=int, default=1)
    arguments = parse.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    tok = text.tokenizer()
    vocabulary = tok.get_vocab_size()
    model = Model(vocabulary, arguments.kind == "ar")
    if arguments.resume:
        stored = load_file(arguments.resume / "model.safetensors")
        for value, name in zip(model.state_dict().values(), model.published()):
            value.copy_(stored[name])
    print(f"{sum(p.numel() for p in model.parameters())} parameters, vocabulary {vocabulary}", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "blocks" not in n]
    optimizers = [Muon(matrices, arguments.muon_lr), torch.optim.AdamW(others, arguments.lr, (0.9, 0.98), weight_decay=0, fused=True)]
    peaks = [g["lr"] for o in optimizers for g in o.param_groups]
    began, step, total, sums, checked = time.time(), 0, 0.0, 0.0, 0
    progress = lambda: (time.time() - began) / (60 * arguments.minutes)
    stream = buckets(rng, tok, arguments.rows, lambda: 3 if progress() < 0.15 and not arguments.resume else 5)
    with open(arguments.folder.with_suffix(".loss.jsonl"), "w") as log:
        while (done := progress()) < 1:
            rate = min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            for group, peak in zip((g for o in optimizers for g in o.param_groups), peaks):
                group["lr"] = peak * rate
            group = next(stream)
            if model.causal:
                ids = torch.tensor([p + c for p, c, _ in group])
                wanted = torch.tensor([[False] * (len(p) - 1) + [True] * len(c) + [False] for p, c, _ in group])
                # one END is enough to learn where to stop
                ended = (ids == text.END).long().cumsum(1)
                wanted &= ended == 0
                seen, targets = ids, ids.roll(-1, 1)
            else:
                seen, targets, wanted = mask(group)
                if not wanted.any():
                    continue
            answers = targets[wanted]
            drilling = not model.causal and (done > 0.2 or arguments.resume)
            weights = HARD_WEIGHT[answers] if drilling else torch.ones(len(answers))
            losses = F.cross_entropy(model(seen, wanted), answers, reduction="none")
            (losses * weights).mean().backward()
            if drilling:
                seen, targets, wanted = drill(rng, tok, arguments.rows)
                drilled = F.cross_entropy(model(seen, wanted), targets[wanted])
                drilled.backward()
                sums += drilled.item()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            for optimizer in optimizers:
                optimizer.step()
            model.zero_grad(set_to_none=True)
            total, step = total + losses.mean().item(), step + 1
            if step % 100 == 0:
                record = {"step": step, "minutes": round((time.time() - began) / 60, 2), "loss": round(total / 100, 5), "drill": round(sums / 100, 5)}
                if int(done * 16) > checked:
                    checked = int(done * 16)
                    record["accuracy"] = accuracy(model, tok, random.Random(7), 64)
                    save(model, vocabulary, arguments.folder)
                print(json.dumps(record), file=log, flush=True)
                print(record, flush=True)
                total = sums = 0.0
    save(model, vocabulary, arguments.folder)
    print(f"{step} steps; held-out exact answers {accuracy(model, tok, random.Random(7), 256):.3f}", flush=True)


if __name__ == "__main__":
    main()
