"""Trains a masked diffusion model (LLaDA layout) or its causal twin (Llama layout) on a task. See README.md."""

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
EPS, THETA = 1e-5, 10000.0


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
        q, k = rotate(q, rotary), rotate(k, rotary)
        # in bfloat16 its gradient takes five times as long on a CPU
        with torch.autocast("cpu", enabled=False):
            a = F.scaled_dot_product_attention(q, k, v.float(), is_causal=causal)
        x = x + self.attn_out(a.transpose(1, 2).flatten(2))
        n = self.ff_norm(x)
        return x + self.ff_out(F.silu(self.ff_proj(n)) * self.up_proj(n))


def rotate(x, rotary):
    cos, sin = rotary
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat((-right, left), -1) * sin


class Model(nn.Module):
    def __init__(self, vocabulary, length, causal):
        super().__init__()
        self.causal, self.length = causal, length
        self.wte = nn.Embedding(vocabulary, HIDDEN)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f = nn.RMSNorm(HIDDEN, EPS)
        self.head = nn.Linear(HIDDEN, vocabulary, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * LAYERS) if "out" in name else 1))
        size = HIDDEN // HEADS
        frequency = THETA ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(length).float(), frequency).repeat(1, 2)
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
    """Momentum orthogonalised by five Newton-Schulz iterations (Jordan et al., 2024), batched by shape."""

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


VALUE, DERIVED = 1, 2  # roles of canvas tokens: running values; what the prompt alone tells


def encode(tok, item):
    prompt = tok.encode("<|user|> " + item.prompt + "<|assistant|>").ids
    answer = tok.encode(item.worked).ids
    assert text.UNKNOWN not in prompt + answer, item
    digits = [False, *(tok.id_to_token(i).isdigit() for i in answer), False]
    # running values have two digits, and all other numbers one
    roles = [VALUE if here and (left or right) else DERIVED for left, here, right in zip(digits, digits[1:], digits[2:])]
    return prompt, answer, roles


def batch(rng, tok, task, rows, steps):
    """The canvas is cut at random after the worked answer, or is whole."""
    made = []
    while len(made) < rows:
        prompt, answer, roles = encode(tok, task.lesson(rng, rng.randint(*steps)))
        canvas = task.CANVAS if rng.random() < 0.3 else rng.randint(len(answer) + 1, task.CANVAS)
        made.append((prompt, answer + [text.END] * (canvas - len(answer)), roles + [DERIVED] * (canvas - len(answer))))
    return made


def buckets(rng, tok, task, rows, steps):
    """An endless stream of batches of `rows` sequences of one length, so that nothing is padded; lengths are cut down to the nearest multiple of 4."""
    waiting = {}
    while True:
        for prompt, canvas, roles in batch(rng, tok, task, rows, steps()):
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


def mask(group, equation):
    """Masked ids, targets and where the loss is taken; an equation takes so many tokens, or 0 where there is none.

    A third of the rows, or all without equations, mask every canvas token with one probability t ~ U(0,1) (LLaDA's forward
    process). The others look like the states that confident-first decoding passes through: a prefix stands, later running values are masked, what
    the prompt tells is masked with one probability; there the loss leaves out values that nothing on the canvas settles yet.
    """
    ids = torch.tensor([p + c for p, c, _ in group])
    role = torch.tensor([[0] * len(p) + r for p, _, r in group])
    rows, length = ids.shape
    start = torch.tensor([[len(p)] for p, _, _ in group])
    rate = torch.rand(rows, 1)
    uniform = (role > 0) & (torch.rand(rows, length) < rate)
    if not equation:
        return ids.masked_fill(uniform, text.MASK), ids, uniform
    equations = torch.tensor([[sum(x == VALUE for x in r) // 4] for _, _, r in group])
    column = torch.arange(length)[None]
    prefix = start + equation * (torch.rand(rows, 1) * (equations + 1)).long() + torch.randint(0, equation - 1, (rows, 1))
    after = (column >= prefix) & (role > 0)
    ordered = after & ((role == VALUE) | (torch.rand(rows, length) < rate))
    values_seen = ((role == VALUE) & after).long().cumsum(1)
    settled = (role == DERIVED) | (values_seen <= 2)
    ordered_rows = torch.rand(rows, 1) < 2 / 3
    masked = torch.where(ordered_rows, ordered, uniform)
    loss = masked & (~ordered_rows | settled)
    return ids.masked_fill(masked, text.MASK), ids, loss


def drill(rng, tok, task, rows):
    """Five unrelated equations in a row, results masked: many sums at little cost, each to be found among the others."""
    lines = []
    for _ in range(rows):
        equations = " ".join(task.equation(rng) for _ in range(5))
        lines.append(tok.encode("<|assistant|>" + equations).ids)
    ids = torch.tensor(lines)
    both = torch.tensor([[True, True], [True, True], [False, True], [True, False]])
    masked = torch.zeros_like(ids, dtype=torch.bool)
    masked[:, 1:].view(rows, 5, task.EQUATION)[:, :, 5:7] = both[torch.randint(0, 4, (rows, 5))]
    return ids.masked_fill(masked, text.MASK), ids, masked


@torch.no_grad()
def accuracy(model, tok, task, count, start="", positions=None):
    """Share of exact answers to held-out problems, greedy: low-confidence remasking one token a step, or left to right.

    The canvas begins with `start`, and has so many open positions behind it.
    """
    rng = random.Random(7)
    groups = {}
    for _ in range(count):
        item = task.problem(rng, held_out_set=True)
        prompt = tok.encode(f"<|user|> {item.prompt}<|assistant|>{start}").ids
        groups.setdefault(len(prompt), []).append((prompt, item.answer))
    right = 0
    for length, group in groups.items():
        ids = torch.tensor([prompt for prompt, _ in group])
        ids = F.pad(ids, (0, positions or task.CANVAS), value=text.MASK)
        for place in range(length, ids.shape[1]):
            if model.causal:
                wanted = torch.zeros_like(ids, dtype=torch.bool)
                wanted[:, place - 1] = True
                ids[:, place] = model(ids, wanted).argmax(-1)
            else:
                wanted = ids == text.MASK
                confidence, best = model(ids, wanted).softmax(-1).view(len(ids), -1, tok.get_vocab_size()).max(-1)
                chosen = confidence.argmax(1, keepdim=True)
                where = wanted.nonzero()[:, 1].view(len(ids), -1).gather(1, chosen)
                ids.scatter_(1, where, best.gather(1, chosen))
        for row, (_, answer) in zip(ids.tolist(), group):
            end = row.index(text.END) if text.END in row else len(row)
            right += tok.decode(row[:end], skip_special_tokens=False).endswith(f"{task.OPENING}{answer}")
    return right / count


def config(model, vocabulary):
    common = {"vocab_size": vocabulary, "eos_token_id": text.END, "pad_token_id": text.END, "torch_dtype": "bfloat16", "rope_theta": THETA}
    if model.causal:
        return {
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS, "num_hidden_layers": LAYERS, "intermediate_size": MLP, "hidden_act": "silu",
            "rms_norm_eps": EPS, "max_position_embeddings": model.length, "attention_bias": False, "mlp_bias": False,
            "tie_word_embeddings": False, **common,
        }
    return {
        "model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": HIDDEN, "n_heads": HEADS, "n_kv_heads": HEADS,
        "n_layers": LAYERS, "mlp_hidden_size": MLP, "activation_type": "silu", "block_type": "llama", "rope": True,
        "rope_full_precision": True, "layer_norm_type": "rms", "rms_norm_eps": EPS, "max_sequence_length": model.length,
        "include_qkv_bias": False, "include_bias": False, "embedding_size": vocabulary, "weight_tying": False,
        "mask_token_id": text.MASK, **common,
    }


def save(model, task, vocabulary, folder):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.published(), folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(model, vocabulary), indent=2) + "\n")
    text.write(task, folder)


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("kind", choices=["mdm", "ar"])
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--task", choices=["abacus", "chain", "chain-coded", "sudoku"], default="abacus")
    parse.add_argument("--minutes", type=float, required=True, help="wall-clock budget; the learning rate decays over it")
    parse.add_argument("--rows", type=int, default=64)
    parse.add_argument("--lr", type=float, default=2e-3, help="AdamW's, for embeddings, head and norms")
    parse.add_argument("--muon-lr", type=float, default=0.01, help="Muon's, for the blocks' matrices")
    parse.add_argument("--resume", type=pathlib.Path, help="folder of an earlier run to go on from, all of the task at once")
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--bf16", action="store_true", help="products in bfloat16: faster where the processor has AMX")
    arguments = parse.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    task = problems.task(arguments.task)
    tok = text.tokenizer(task)
    vocabulary = tok.get_vocab_size()
    # digits and signs are what takes learning; separators and ends learn themselves
    hard_weight = torch.ones(vocabulary)
    hard_weight[[tok.token_to_id(c) for c in "0123456789+-*" if tok.token_to_id(c)]] = 4.0
    model = Model(vocabulary, task.LENGTH, arguments.kind == "ar")
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
    early = lambda: progress() < 0.15 and not arguments.resume
    stream = buckets(rng, tok, task, arguments.rows, lambda: task.EARLY if early() else (task.FEWEST, task.MOST))
    products = torch.autocast("cpu", torch.bfloat16, arguments.bf16)
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
                seen, targets, wanted = mask(group, task.EQUATION)
                if not wanted.any():
                    continue
            answers = targets[wanted]
            drilling = task.EQUATION and not model.causal and (done > 0.2 or arguments.resume)
            weights = hard_weight[answers] if drilling else torch.ones(len(answers))
            with products:
                logits = model(seen, wanted)
            losses = F.cross_entropy(logits.float(), answers, reduction="none")
            (losses * weights).mean().backward()
            if drilling:
                seen, targets, wanted = drill(rng, tok, task, arguments.rows)
                with products:
                    logits = model(seen, wanted)
                drilled = F.cross_entropy(logits.float(), targets[wanted])
                drilled.backward()
                sums += drilled.item()
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            with products:
                for optimizer in optimizers:
                    optimizer.step()
            model.zero_grad(set_to_none=True)
            total, step = total + losses.mean().item(), step + 1
            if step % 100 == 0:
                record = {"step": step, "minutes": round((time.time() - began) / 60, 2), "loss": round(total / 100, 5), "drill": round(sums / 100, 5)}
                if int(done * 8) > checked:
                    checked = int(done * 8)
                    record["accuracy"] = accuracy(model, tok, task, 64)
                    save(model, task, vocabulary, arguments.folder)
                print(json.dumps(record), file=log, flush=True)
                print(record, flush=True)
                total = sums = 0.0
    save(model, task, vocabulary, arguments.folder)
    print(f"{step} steps; held-out exact answers {accuracy(model, tok, task, 512):.3f}", flush=True)
    if task.OPENING:
        print(f"of the answer alone {accuracy(model, tok, task, 512, task.OPENING.rstrip(), 4):.3f}", flush=True)


if __name__ == "__main__":
    main()
