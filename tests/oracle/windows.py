"""Small random checkpoints whose queries see the last keys alone in some layers, and what transformers computes with them.

    python tests/oracle/windows.py tests/src/test/resources/oracle

needs torch, numpy, safetensors and transformers. It writes the folders qwen2-window and qwen3-window: a config.json as the published
ones have it, random weights, the logits of a forward in float32 and a greedy continuation, both longer than the windows. A folder is
written only if transformers, too, sees the windows: without them its logits have to be others.
"""
import json, pathlib, sys

import torch, transformers
from safetensors.torch import save_file

COMMON = dict(vocab_size=160, hidden_size=32, intermediate_size=72, num_attention_heads=4, num_key_value_heads=2, hidden_act="silu",
              max_position_embeddings=256, rms_norm_eps=1e-6, tie_word_embeddings=False, rope_theta=10000.0, use_sliding_window=True)
FOLDERS = {
    "qwen2-window": dict(COMMON, model_type="qwen2", architectures=["Qwen2ForCausalLM"], num_hidden_layers=3,
                         num_attention_heads=2, num_key_value_heads=1, sliding_window=5, max_window_layers=1),
    "qwen3-window": dict(COMMON, model_type="qwen3", architectures=["Qwen3ForCausalLM"], num_hidden_layers=3, head_dim=16,
                         attention_bias=False, sliding_window=7, max_window_layers=0,
                         layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
}
NEW = 24


def loaded(folder, **changes):
    config = transformers.AutoConfig.from_pretrained(folder)
    for name, value in changes.items():
        setattr(config, name, value)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32,
                                                             attn_implementation="eager").eval()


def greedy(model, prompt):
    """Without a cache, so that nothing but the mask makes the window; no choice may be a near tie."""
    tokens = prompt
    for _ in range(NEW):
        logits = model(tokens, use_cache=False).logits[:, -1]
        first, second = logits.topk(2).values.T
        assert ((first - second) / first.abs() > 2e-4).all(), "a choice is a near tie: take another seed"
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], 1)
    return tokens


def write(folder, config):
    torch.manual_seed(2)
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    kind = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    weights = {name: (1 if "norm" in name else 0) + 0.2 * torch.randn(weight.shape) for name, weight in kind.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ids, prompt = torch.randint(config["vocab_size"], (2, 25)), torch.randint(config["vocab_size"], (2, 7))
    with torch.no_grad():
        model = loaded(folder)
        logits = model(ids, use_cache=False).logits
        full = loaded(folder, layer_types=["full_attention"] * config["num_hidden_layers"])(ids, use_cache=False).logits
        seen = config["sliding_window"]
        assert torch.allclose(logits[:, :seen], full[:, :seen], atol=1e-5) and not torch.allclose(logits, full, atol=1e-2)
        tokens = greedy(model, prompt)
    save_file({"forward.input_ids": ids, "forward.logits": logits.contiguous(), "greedy.prompt": prompt, "greedy.tokens": tokens},
              folder / "expected.safetensors")
    cases = [dict(kind="forward", attention="causal", input_ids="forward.input_ids", logits="forward.logits"),
             dict(kind="ar_greedy", prompt="greedy.prompt", tokens="greedy.tokens", max_new_tokens=NEW)]
    source = f"transformers {transformers.__version__} {config['architectures'][0]}, CPU float32"
    (folder / "cases.json").write_text(json.dumps(dict(source=source, cases=cases), indent=1))
    print(f"{folder.name}: layers {model.config.layer_types}, window {seen}")


for name, config in FOLDERS.items():
    write(pathlib.Path(sys.argv[1]) / name, config)
