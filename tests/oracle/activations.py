"""What PyTorch's forward hooks see in the oracle checkpoints.

    python tests/oracle/activations.py tests/src/test/resources/oracle

needs torch, numpy and safetensors (and transformers, for the check of three of the folders). It writes an
activations.safetensors into every folder: of the first sequence of the case `forward`, at a few positions, what is at every
hook, under TransformerLens's name; and the probabilities and entropies of the head read off every block.

The forward below is written in the plainest way and runs in float64. Before anything is written its logits are compared with
those that the published code gave, to 1e-5 relative; and where transformers has the architecture, its own modules' hooks see the
same, to 1e-6: its norms are in float32.
"""
import json, math, pathlib, sys

import numpy, torch
from safetensors.numpy import load_file, save_file
from torch import nn

torch.set_default_dtype(torch.float64)


class HookPoint(nn.Identity):
    """A place where a forward hook can be put."""


class Names:
    """The published names of the weights, by what they are."""

    LLADA = dict(layer="model.transformer.blocks.{}.", norm="attn_norm", q="q_proj", k="k_proj", v="v_proj", o="attn_out", norm2="ff_norm",
                 gate="ff_proj", up="up_proj", down="ff_out", embed="model.transformer.wte", final="model.transformer.ln_f",
                 head="model.transformer.ff_out")
    LLAMA = dict(layer="model.layers.{}.", norm="input_layernorm", q="self_attn.q_proj", k="self_attn.k_proj", v="self_attn.v_proj",
                 o="self_attn.o_proj", q_norm="self_attn.q_norm", k_norm="self_attn.k_norm", norm2="post_attention_layernorm",
                 gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj", embed="model.embed_tokens", final="model.norm", head="lm_head")
    LLADA2 = dict(LLAMA, qkv="attention.query_key_value", o="attention.dense", q_norm="attention.query_layernorm",
                  k_norm="attention.key_layernorm", embed="model.word_embeddings")


def normalized(x, epsilon):
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + epsilon)


def rotated(x, positions, theta, size):
    """x [positions, heads, head size]; the first `size` dimensions turn, half against half."""
    frequencies = theta ** (-torch.arange(0, size, 2) / size)
    angles = positions[:, None] * frequencies[None, :]
    cos, sin = angles.cos()[:, None, :], angles.sin()[:, None, :]
    a, b, rest = x[..., : size // 2], x[..., size // 2 : size], x[..., size:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


class Model(nn.Module):
    POINTS = ["hook_resid_pre", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_rot_q", "attn.hook_rot_k", "attn.hook_pattern",
              "attn.hook_z", "hook_attn_out", "hook_resid_mid", "hook_mlp_out", "hook_resid_post"]

    def __init__(self, folder):
        super().__init__()
        self.config = config = json.loads((folder / "config.json").read_text())
        self.weights = {name: torch.tensor(value.astype(numpy.float64)) for name, value in load_file(folder / "model.safetensors").items()}
        self.kind = config["model_type"]
        self.names = Names.LLADA if self.kind == "llada" else Names.LLADA2 if self.kind == "llada2_moe" else Names.LLAMA
        self.layers = config.get("n_layers", config.get("num_hidden_layers"))
        self.heads = config.get("n_heads", config.get("num_attention_heads"))
        self.key_heads = config.get("n_kv_heads", config.get("num_key_value_heads"))
        self.size = config.get("head_dim", config.get("hidden_size", config.get("d_model")) // self.heads)
        self.epsilon = config["rms_norm_eps"]
        self.windows = self.windows_of(config)
        self.hooks = {name: HookPoint() for name in ["hook_embed", "ln_final.hook_normalized"]}
        self.hooks |= {f"blocks.{i}.{point}": HookPoint() for i in range(self.layers) for point in self.POINTS}

    def windows_of(self, config):
        """Of every block, how many of the keys up to its limit a query sees at most."""
        if not config.get("use_sliding_window"):
            return [math.inf] * self.layers
        full = config["max_window_layers"]
        kinds = config.get("layer_types", ["full_attention" if i < full else "sliding_attention" for i in range(self.layers)])
        return [config["sliding_window"] if kind == "sliding_attention" else math.inf for kind in kinds]

    def weight(self, block, name, kind="weight"):
        prefix = "" if block is None else self.names["layer"].format(block)
        return self.weights.get(f"{prefix}{self.names.get(name, name)}.{kind}")

    def linear(self, x, block, name):
        bias = self.weight(block, name, "bias")
        return x @ self.weight(block, name).T + (0 if bias is None else bias)

    def forward(self, ids, limits):
        """ids [positions]; limits: how many leading keys each of them sees."""
        x = self.hooks["hook_embed"](self.weight(None, "embed")[ids])
        for block in range(self.layers):
            hook = lambda point, value: self.hooks[f"blocks.{block}.{point}"](value)
            x = hook("hook_resid_pre", x)
            normed = normalized(x, self.epsilon) * self.weight(block, "norm")
            x = hook("hook_resid_mid", x + hook("hook_attn_out", self.attention(block, normed, limits, hook)))
            normed = normalized(x, self.epsilon) * self.weight(block, "norm2")
            x = hook("hook_resid_post", x + hook("hook_mlp_out", self.feed_forward(block, normed)))
        return self.read_off(self.hooks["ln_final.hook_normalized"](normalized(x, self.epsilon)))

    def read_off(self, x):
        """The logits of a residual stream that is normalized, without the gain."""
        return (x * self.weight(None, "final")) @ self.weight(None, "head").T

    def attention(self, block, x, limits, hook):
        length = len(x)
        if "qkv" in self.names:
            every = x @ self.weight(block, "qkv").T
            q, k, v = every.split([self.heads * self.size, self.key_heads * self.size, self.key_heads * self.size], -1)
        else:
            q, k, v = (self.linear(x, block, name) for name in "qkv")
        q = hook("attn.hook_q", q.view(length, self.heads, self.size))
        k = hook("attn.hook_k", k.view(length, self.key_heads, self.size))
        v = hook("attn.hook_v", v.view(length, self.key_heads, self.size))
        if self.weight(block, "q_norm") is not None:
            q = normalized(q, self.epsilon) * self.weight(block, "q_norm")
            k = normalized(k, self.epsilon) * self.weight(block, "k_norm")
        turned = int(self.size * self.config.get("partial_rotary_factor", 1))
        positions = torch.arange(length, dtype=torch.float64)
        q = hook("attn.hook_rot_q", rotated(q, positions, self.config["rope_theta"], turned))
        k = hook("attn.hook_rot_k", rotated(k, positions, self.config["rope_theta"], turned))
        group = self.heads // self.key_heads
        scores = torch.einsum("qhd,khd->hqk", q, k.repeat_interleave(group, 1)) / math.sqrt(self.size)
        keys, ends = torch.arange(length)[None, :], torch.tensor(limits)[:, None]
        unseen = (keys >= ends) | (keys < ends - self.windows[block])
        pattern = hook("attn.hook_pattern", scores.masked_fill(unseen, -math.inf).softmax(-1))
        z = hook("attn.hook_z", torch.einsum("hqk,khd->qhd", pattern, v.repeat_interleave(group, 1)))
        return self.linear(z.reshape(length, -1), block, "o")

    def feed_forward(self, block, x):
        if self.weight(block, "gate") is not None:
            return self.swiglu(x, block, self.names["gate"], self.names["up"], self.names["down"])
        out = torch.zeros_like(x)
        if self.weight(block, "mlp.shared_experts.down_proj") is not None:
            out += self.swiglu(x, block, *(f"mlp.shared_experts.{name}_proj" for name in ("gate", "up", "down")))
        chosen, shares = self.route(block, x)
        for row in range(len(x)):
            for expert, share in zip(chosen[row].tolist(), shares[row]):
                out[row] += share * self.swiglu(x[row], block, *(f"mlp.experts.{expert}.{name}_proj" for name in ("gate", "up", "down")))
        return out

    def swiglu(self, x, block, gate, up, down):
        return (nn.functional.silu(x @ self.weight(block, gate).T) * (x @ self.weight(block, up).T)) @ self.weight(block, down).T

    def route(self, block, x):
        scores = x @ self.weight(block, "mlp.gate").T
        if self.kind == "lladamoe":
            shares, chosen = scores.softmax(-1).topk(self.config["num_experts_per_tok"])
            return chosen, shares
        groups = self.config["n_group"]
        shares = scores.sigmoid()
        ranking = shares + self.weight(block, "mlp.gate", "expert_bias")
        best = ranking.view(len(x), groups, -1).topk(2).values.sum(-1).topk(self.config["topk_group"]).indices
        kept = torch.zeros(len(x), groups, dtype=torch.bool).scatter_(1, best, True).repeat_interleave(scores.shape[-1] // groups, 1)
        chosen = ranking.masked_fill(~kept, -math.inf).topk(self.config["num_experts_per_tok"]).indices
        shares = shares.gather(1, chosen)
        return chosen, shares / shares.sum(-1, keepdim=True) * self.config["routed_scaling_factor"]


def limits_of(case, length):
    kind = case.get("attention", "full")
    block = case.get("block_length", 1)
    return [length if kind == "full" else i + 1 if kind == "causal" else min(length, (i // block + 1) * block) for i in range(length)]


def check_transformers(folder, ids, seen, logits):
    """The hooks of transformers' own modules, where it has the architecture."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    theirs = {}
    keep = lambda name, of: lambda module, inputs, output: theirs.__setitem__(name, of(inputs, output))
    first = lambda output: output[0] if isinstance(output, tuple) else output
    for i, layer in enumerate(model.model.layers):
        layer.register_forward_hook(keep(f"blocks.{i}.hook_resid_post", lambda _, output: first(output)))
        layer.self_attn.q_proj.register_forward_hook(keep(f"blocks.{i}.attn.hook_q", lambda _, output: output))
        layer.self_attn.k_proj.register_forward_hook(keep(f"blocks.{i}.attn.hook_k", lambda _, output: output))
        layer.self_attn.v_proj.register_forward_hook(keep(f"blocks.{i}.attn.hook_v", lambda _, output: output))
        layer.self_attn.o_proj.register_forward_hook(keep(f"blocks.{i}.attn.hook_z", lambda inputs, _: inputs[0]))
        layer.self_attn.register_forward_hook(keep(f"blocks.{i}.hook_attn_out", lambda _, output: output[0]))
        layer.self_attn.register_forward_hook(keep(f"blocks.{i}.attn.hook_pattern", lambda _, output: output[1]))
        layer.mlp.register_forward_hook(keep(f"blocks.{i}.hook_mlp_out", lambda _, output: output))
    with torch.no_grad():
        their_logits = model(ids[None]).logits[0]
    for name, value in theirs.items():
        error = (value.reshape(-1) - seen[name].reshape(-1)).norm() / seen[name].norm()
        assert error < 1e-6, f"{folder}: {name} differs from transformers by {error:.2g}"
    assert (their_logits - logits).norm() / logits.norm() < 1e-6
    print(f"{folder.name}: {len(theirs)} hooks of transformers see the same")


def write(folder):
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    case = next(each for each in cases if each["kind"] == "forward")
    expected = load_file(folder / "expected.safetensors")
    ids = torch.tensor(expected[case["input_ids"]][0])
    model = Model(folder)
    seen = {}
    for name, hook in model.hooks.items():
        hook.register_forward_hook(lambda module, inputs, output, name=name: seen.__setitem__(name, output))
    limits = limits_of(case, len(ids))
    with torch.no_grad():
        logits = model(ids, limits)
        published = torch.tensor(expected[case["logits"]][0]).double()
        error = (logits - published).norm() / published.norm()
        assert error < 1e-5, f"{folder}: logits differ from the published ones by {error:.2g}"
        if model.kind in ("llama", "qwen2", "qwen3"):
            check_transformers(folder, ids, seen, logits)
        positions = [1, len(ids) // 2, len(ids) - 1]
        data = {"positions": numpy.array(positions), "input_ids": ids.numpy()}
        for name, value in seen.items():
            value = value.transpose(0, 1) if name.endswith("hook_pattern") else value
            data[name] = value[positions].reshape(len(positions), -1).float().numpy()
        lens = [model.read_off(normalized(seen[f"blocks.{i}.hook_resid_post"], model.epsilon))[positions] for i in range(model.layers)]
        probabilities = torch.stack(lens).softmax(-1)
        data["lens.argmax"] = probabilities.argmax(-1).numpy()
        data["lens.top"] = probabilities.max(-1).values.float().numpy()
        data["lens.entropy"] = torch.special.entr(probabilities).sum(-1).float().numpy()
    save_file({name: numpy.ascontiguousarray(value) for name, value in data.items()}, folder / "activations.safetensors")
    print(f"{folder.name}: {len(seen)} hooks, logits within {error:.2g} of the published ones")


if __name__ == "__main__":
    for each in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        if (each / "model.safetensors").exists():
            write(each)
