"""Llama's forward and greedy decoding with a key/value cache in plain PyTorch, for comparison: no compilation, no custom kernels.

Reads a model folder (config.json and safetensors in the published layout).
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Llama:
    def __init__(self, folder, dtype):
        folder = pathlib.Path(folder)
        config = json.loads((folder / "config.json").read_text())
        weights = {}
        for file in sorted(folder.glob("*.safetensors")):
            weights.update(load_file(file))
        self.w = {name.removeprefix("model."): tensor.to(dtype) for name, tensor in weights.items()}
        self.dtype = dtype
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.key_heads = config.get("num_key_value_heads") or self.heads
        self.epsilon = config["rms_norm_eps"]
        self.eos = config["eos_token_id"]
        self.head_weight = self.w["embed_tokens.weight" if config.get("tie_word_embeddings") else "lm_head.weight"]
        size = config.get("head_dim") or config["hidden_size"] // self.heads
        frequency = config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(config["max_position_embeddings"]).float(), frequency).repeat(1, 2)
        self.cos, self.sin = angle.cos(), angle.sin()

    def norm(self, x, gain):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)).to(self.dtype) * gain

    def rotate(self, x, positions):
        wide = x.float()
        left, right = wide.chunk(2, -1)
        cos, sin = self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)
        return (wide * cos + torch.cat((-right, left), -1) * sin).to(self.dtype)

    def forward(self, ids, positions, caches, length, mask):
        """ids [B, T] -> logits [B, vocabulary] of the last position; keys and values go into caches from `length` on."""
        w, count = self.w, ids.shape[1]
        x = w["embed_tokens.weight"][ids]
        for layer in range(self.layers):
            name = f"layers.{layer}."
            n = self.norm(x, w[name + "input_layernorm.weight"])
            split = lambda y, heads: y.unflatten(-1, (heads, -1)).transpose(1, 2)
            q = split(F.linear(n, w[name + "self_attn.q_proj.weight"]), self.heads)
            k = split(F.linear(n, w[name + "self_attn.k_proj.weight"]), self.key_heads)
            v = split(F.linear(n, w[name + "self_attn.v_proj.weight"]), self.key_heads)
            keys, values = caches[layer]
            keys[:, :, length : length + count] = self.rotate(k, positions)
            values[:, :, length : length + count] = v
            a = F.scaled_dot_product_attention(
                self.rotate(q, positions), keys[:, :, : length + count], values[:, :, : length + count],
                attn_mask=mask[:, :, length : length + count, : length + count], enable_gqa=self.heads != self.key_heads,
            )
            x = x + F.linear(a.transpose(1, 2).flatten(2), w[name + "self_attn.o_proj.weight"])
            n = self.norm(x, w[name + "post_attention_layernorm.weight"])
            gate = F.silu(F.linear(n, w[name + "mlp.gate_proj.weight"])) * F.linear(n, w[name + "mlp.up_proj.weight"])
            x = x + F.linear(gate, w[name + "mlp.down_proj.weight"])
        return F.linear(self.norm(x[:, -1], w["norm.weight"]), self.head_weight)

    def decode(self, prompts, most):
        """The texts after prompts (lists of ids, of any lengths, padded on the left), up to the end-of-text id."""
        batch, width = len(prompts), max(map(len, prompts))
        pads = torch.tensor([width - len(prompt) for prompt in prompts])
        ids = torch.tensor([[self.eos] * (width - len(prompt)) + prompt for prompt in prompts])
        slots = torch.arange(width + most)
        seen = (slots[None, :, None] >= slots[None, None, :]) & (slots[None, None, :] >= pads[:, None, None])
        seen |= torch.eye(width + most, dtype=torch.bool)  # a padded row sees itself, so that it has a softmax
        mask = seen[:, None]
        size = self.cos.shape[1]
        caches = [
            tuple(torch.zeros(batch, self.key_heads, width + most, size, dtype=self.dtype) for _ in range(2))
            for _ in range(self.layers)
        ]
        positions = (slots[None] - pads[:, None]).clamp(min=0)
        texts, open_rows = [[] for _ in prompts], set(range(batch))
        best = self.forward(ids, positions[:, :width], caches, 0, mask).argmax(-1)
        for step in range(most):
            for row, token in enumerate(best.tolist()):
                if row in open_rows:
                    if token == self.eos:
                        open_rows.discard(row)
                    else:
                        texts[row].append(token)
            if not open_rows or step == most - 1:
                return texts
            at = width + step
            best = self.forward(best[:, None], positions[:, at : at + 1], caches, at, mask).argmax(-1)
