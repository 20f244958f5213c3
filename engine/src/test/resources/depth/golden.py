"""Depths of transformers as the program of the rules' authors finds them: makes golden.csv.

    git clone https://github.com/google-deepmind/serial_depth && git -C serial_depth checkout 9d9f53c
    pip install jax==0.10.2 && python golden.py serial_depth > golden.csv

The transformers are written here with JAX's own operations, in f32 and in the order of the engine; the program takes them apart
and follows the longest chain. Tables of positions are inputs, and indices are used as they are.
"""

import sys

import jax
import jax.numpy as jnp
from jax import lax

COLUMNS = "layers,hidden,heads,keyHeads,headSize,rotated,bias,headNorm,width,vocabulary,length,experts"

# The experts: count, per token, width, router, width of the shared one, dense layers, groups, kept groups.
MODELS = [
    (1, 4, 1, 1, 4, 4, False, False, 8, 16, 1, ""),
    (1, 8, 2, 2, 4, 4, False, False, 16, 32, 4, ""),
    (2, 8, 2, 1, 4, 4, True, False, 24, 32, 5, ""),
    (3, 12, 3, 3, 4, 4, False, True, 20, 50, 7, ""),
    (2, 24, 4, 2, 6, 2, True, True, 40, 106, 33, ""),
    (4, 128, 4, 4, 32, 32, False, False, 384, 106, 112, ""),
    (2, 16, 2, 2, 8, 8, False, False, 32, 64, 9, "8 2 12 softmax 0 0 1 1"),
    (2, 16, 2, 2, 8, 8, False, True, 32, 64, 9, "8 3 12 normalized 0 0 1 1"),
    (3, 16, 2, 2, 8, 8, False, False, 32, 64, 9, "8 3 12 normalized 200 1 1 1"),
    (2, 16, 2, 1, 8, 4, False, True, 32, 64, 17, "16 4 12 sigmoid 0 0 4 2"),
    (3, 16, 2, 1, 8, 4, False, True, 32, 64, 17, "16 4 12 biased 12 1 4 2"),
    # LLaDA-8B, Dream-7B, SDAR-4B, LLaDA-MoE-7B-A1B, LLaDA2.0-mini, as in docs/measures.md.
    (32, 4096, 32, 32, 128, 128, False, False, 12288, 126464, 256, ""),
    (28, 3584, 28, 4, 128, 128, True, False, 18944, 152064, 256, ""),
    (36, 2560, 32, 8, 128, 128, False, True, 9728, 151936, 256, ""),
    (16, 2048, 16, 16, 128, 128, False, True, 8192, 157184, 256, "64 8 1024 softmax 0 0 1 1"),
    (20, 2048, 16, 4, 128, 64, False, True, 5120, 157184, 256, "256 8 512 biased 512 1 8 4"),
]
AS_THEY_ARE = {"mode": "promise_in_bounds", "wrap_negative_indices": False}


def rows(x):
    return jnp.arange(x.shape[0])[:, None]


def norm(x, gain):
    mean = jnp.sum(x * x, axis=-1, keepdims=True) / x.shape[-1]
    return x * lax.rsqrt(mean + 1e-6) * gain


def softmax(x):
    e = jnp.exp(x - lax.expand_dims(jnp.max(x, axis=-1), (x.ndim - 1,)))
    return e / jnp.sum(e, axis=-1, keepdims=True)


def rotate(x, cosines, sines):
    half = cosines.shape[-1]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return jnp.concatenate((*turned, rest), axis=-1)


def attention(x, w, model, cosines, sines):
    _, _, heads, key_heads, size, _, bias, head_norm, *_ = model
    length = x.shape[0]
    q, k, v = (x @ w[name] + w[name + "_bias"] if bias else x @ w[name] for name in "qkv")
    q = q.reshape(length, key_heads, heads // key_heads, size)
    k = k.reshape(length, key_heads, size)
    v = v.reshape(length, key_heads, size)
    if head_norm:
        q, k = norm(q, w["q_gain"]), norm(k, w["k_gain"])
    q = rotate(q, cosines[:, None, None], sines[:, None, None]) * size**-0.5
    k = rotate(k, cosines[:, None], sines[:, None])
    weights = softmax(jnp.einsum("qhgd,khd->hgqk", q, k))
    return jnp.einsum("hgqk,khd->qhgd", weights, v).reshape(length, heads * size) @ w["o"]


def gated(x, w, name):
    gate = x @ w[name + "gate"]
    return (gate * lax.logistic(gate) * (x @ w[name + "up"])) @ w[name + "down"]


def choice(scores, w, count, per_token, router, all_groups, kept_groups):
    """The chosen experts and their weights."""
    if router in ("softmax", "normalized"):
        chosen = lax.top_k(scores, per_token)[1]
        shares = softmax(scores).at[rows(chosen), chosen].get(**AS_THEY_ARE)
        if router == "softmax":
            return chosen, shares
        return chosen, shares * (1 / jnp.sum(shares, axis=-1, keepdims=True))
    shares = lax.logistic(scores)
    ranked = shares + w["expert_bias"] if router == "biased" else shares
    in_groups = ranked.reshape(-1, all_groups, count // all_groups)
    best = lax.top_k(in_groups, 2)[0]
    groups = lax.top_k(best[..., 0] + best[..., 1], kept_groups)[1]
    kept = jnp.zeros((scores.shape[0], all_groups), bool).at[rows(groups), groups].set(True, **AS_THEY_ARE)
    kept = lax.broadcast_in_dim(kept, in_groups.shape, (0, 1))
    ranked = lax.select(kept, in_groups, jnp.full(in_groups.shape, -jnp.inf)).reshape(scores.shape)
    chosen = lax.top_k(ranked, per_token)[1]
    shares = shares.at[rows(chosen), chosen].get(**AS_THEY_ARE)
    return chosen, shares * (2.5 / (jnp.sum(shares, axis=-1, keepdims=True) + 1e-20))


def mixture(x, w, experts):
    count, per_token, router, groups, kept = int(experts[0]), int(experts[1]), experts[3], int(experts[6]), int(experts[7])
    chosen, weights = choice(x @ w["router"], w, count, per_token, router, groups, kept)
    gate_weights, up_weights, down_weights = (w[name].at[chosen].get(**AS_THEY_ARE) for name in ("gate", "up", "down"))
    gate = jnp.einsum("th,tkhw->tkw", x, gate_weights)
    up = jnp.einsum("th,tkhw->tkw", x, up_weights)
    outputs = jnp.einsum("tkw,tkwh->tkh", gate * lax.logistic(gate) * up, down_weights)
    return jnp.einsum("tk,tkh->th", weights, outputs)


def forward(tokens, cosines, sines, w, model):
    experts = model[-1].split()
    x = w["embedding"].at[tokens].get(**AS_THEY_ARE)
    for i, layer in enumerate(w["layers"]):
        x = x + attention(norm(x, layer["attention_gain"]), layer, model, cosines, sines)
        normed = norm(x, layer["feed_forward_gain"])
        if not experts or i < int(experts[5]):
            x = x + gated(normed, layer, "dense_")
            continue
        if int(experts[4]) > 0:
            x = x + gated(normed, layer, "shared_")
        x = x + mixture(normed, layer, experts)
    return norm(x, w["gain"]) @ w["head"]


def weights(model):
    layers, hidden, heads, key_heads, size, _, _, _, width, vocabulary, _, experts = model
    count, _, expert_width, _, shared, *_ = [int(e) if e.isdigit() else e for e in experts.split()] or [1, 1, 1, "", 1]
    layer = {
        "attention_gain": (hidden,), "feed_forward_gain": (hidden,), "q_gain": (size,), "k_gain": (size,),
        "q": (hidden, heads * size), "k": (hidden, key_heads * size), "v": (hidden, key_heads * size),
        "q_bias": (heads * size,), "k_bias": (key_heads * size,), "v_bias": (key_heads * size,),
        "o": (heads * size, hidden), "router": (hidden, count), "expert_bias": (count,),
        "gate": (count, hidden, expert_width), "up": (count, hidden, expert_width), "down": (count, expert_width, hidden),
    }  # fmt: skip
    for name, inner in (("dense_", width), ("shared_", max(1, shared))):
        layer |= {name + "gate": (hidden, inner), name + "up": (hidden, inner), name + "down": (inner, hidden)}
    shapes = {
        "embedding": (vocabulary, hidden), "gain": (hidden,), "head": (hidden, vocabulary), "layers": [layer] * layers,
    }  # fmt: skip
    return jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, jnp.float32), shapes, is_leaf=lambda s: isinstance(s, tuple))


def main():
    sys.path.insert(0, sys.argv[1])
    from serial_depth import depth

    print(COLUMNS + ",depth")
    for model in MODELS:
        length, rotated = model[-2], model[5]
        table = jax.ShapeDtypeStruct((length, rotated // 2), jnp.float32)
        tokens = jax.ShapeDtypeStruct((length,), jnp.int32)
        jaxpr = jax.make_jaxpr(lambda *inputs: forward(*inputs, model))(tokens, table, table, weights(model))
        found = depth.SerialDepthCalculator().compute(jaxpr.jaxpr)
        if found.unsupported_primitives:
            raise SystemExit(f"{model} has operations without a rule: {found.unsupported_primitives}")
        print(",".join(str(each).lower() for each in (*model, found.depth)))


if __name__ == "__main__":
    main()
