"""LLaDA's forward and its generate() in plain PyTorch, for comparison: no compilation, no cache, no custom kernels.

Reads a model folder (config.json and safetensors in the published layout). Follows modeling_llada.py and generate.py of
ML-GSAI/LLaDA: RMSNorm and rotary angles in float32, rotation of head halves, scaled_dot_product_attention, SwiGLU.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

PREFIX = "model.transformer."


class Llada:
    def __init__(self, folder, dtype):
        folder = pathlib.Path(folder)
        config = json.loads((folder / "config.json").read_text())
        weights = {}
        for file in sorted(folder.glob("*.safetensors")):
            weights.update(load_file(file))
        self.w = {name.removeprefix(PREFIX): tensor.to(dtype) for name, tensor in weights.items()}
        self.dtype = dtype
        self.mask_id = config["mask_token_id"]
        self.vocabulary = config.get("embedding_size") or config["vocab_size"]
        self.layers = config["n_layers"]
        self.heads = config["n_heads"]
        self.key_heads = config.get("n_kv_heads") or self.heads
        self.epsilon = config["rms_norm_eps"]
        self.head_weight = self.w["wte.weight" if config.get("weight_tying") else "ff_out.weight"]
        size = config["d_model"] // self.heads
        frequency = config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(config["max_sequence_length"]).float(), frequency).repeat(1, 2)
        self.cos, self.sin = angle.cos(), angle.sin()

    def norm(self, x, gain):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)).to(self.dtype) * gain

    def rotate(self, x):
        wide, length = x.float(), x.shape[2]
        left, right = wide.chunk(2, -1)
        return (wide * self.cos[:length] + torch.cat((-right, left), -1) * self.sin[:length]).to(self.dtype)

    def hidden(self, ids):
        """ids [B, T] -> the normalized last hidden rows [B, T, hidden]."""
        w = self.w
        x = w["wte.weight"][ids]
        for layer in range(self.layers):
            name = f"blocks.{layer}."
            n = self.norm(x, w[name + "attn_norm.weight"])
            split = lambda y, heads: y.unflatten(-1, (heads, -1)).transpose(1, 2)
            q = split(F.linear(n, w[name + "q_proj.weight"]), self.heads)
            k = split(F.linear(n, w[name + "k_proj.weight"]), self.key_heads)
            v = split(F.linear(n, w[name + "v_proj.weight"]), self.key_heads)
            a = F.scaled_dot_product_attention(
                self.rotate(q), self.rotate(k), v, enable_gqa=self.heads != self.key_heads
            )
            x = x + F.linear(a.transpose(1, 2).flatten(2), w[name + "attn_out.weight"])
            n = self.norm(x, w[name + "ff_norm.weight"])
            gate = F.silu(F.linear(n, w[name + "ff_proj.weight"])) * F.linear(n, w[name + "up_proj.weight"])
            x = x + F.linear(gate, w[name + "ff_out.weight"])
        return self.norm(x, w["ln_f.weight"])

    def predict(self, ids, asked_only, softmax_dtype=None):
        """Argmax and its probability of the masked rows, [B, masked] each; every sequence has equally many masks.

        asked_only: the head and the softmax run on the masked rows alone; otherwise on all rows, as in generate.py.
        """
        masked = ids == self.mask_id
        hidden = self.hidden(ids)
        logits = F.linear(hidden[masked] if asked_only else hidden, self.head_weight)
        best = logits.argmax(-1, keepdim=True)
        confidence = logits.softmax(-1, softmax_dtype).gather(-1, best)
        if not asked_only:
            best, confidence = best[masked], confidence[masked]
        return best.view(len(ids), -1), confidence.view(len(ids), -1)

    def generate(self, prompts, gen_length, asked_only, softmax_dtype=None):
        """generate.py at temperature 0 with low-confidence remasking: one block, one token a step. prompts [B, P]."""
        ids = torch.cat((prompts, torch.full((len(prompts), gen_length), self.mask_id)), 1)
        for _ in range(gen_length):
            best, confidence = self.predict(ids, asked_only, softmax_dtype)
            positions = (ids == self.mask_id).nonzero()[:, 1].view(len(ids), -1)
            chosen = confidence.argmax(-1, keepdim=True)
            ids.scatter_(1, positions.gather(1, chosen), best.gather(1, chosen))
        return ids[:, prompts.shape[1] :]
