"""Writes a Llama checkpoint of random weights in a real size, with the bundled models' tokenizer, to measure what small ones cannot show."""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

BUNDLED = pathlib.Path(__file__).resolve().parents[2] / "models" / "abacus-ar"


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--layers", type=int, default=12)
    parse.add_argument("--hidden", type=int, default=768)
    parse.add_argument("--heads", type=int, default=12)
    parse.add_argument("--intermediate", type=int, default=3072)
    arguments = parse.parse_args()
    config = json.loads((BUNDLED / "config.json").read_text())
    hidden, inner, vocabulary = arguments.hidden, arguments.intermediate, config["vocab_size"]
    config.update(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.heads,
        torch_dtype="float32",
    )
    torch.manual_seed(1)
    weights = {"model.norm.weight": torch.ones(hidden)}

    def add(name, rows, columns):
        weights[name + ".weight"] = torch.randn(rows, columns) / columns**0.5

    add("model.embed_tokens", vocabulary, hidden)
    add("lm_head", vocabulary, hidden)
    for layer in range(arguments.layers):
        name = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            weights[name + norm + ".weight"] = torch.ones(hidden)
        for projection in ("q_proj", "k_proj", "v_proj", "o_proj"):
            add(name + "self_attn." + projection, hidden, hidden)
        add(name + "mlp.gate_proj", inner, hidden)
        add(name + "mlp.up_proj", inner, hidden)
        add(name + "mlp.down_proj", hidden, inner)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, arguments.folder / "model.safetensors")
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / file, arguments.folder)
    print(f"{arguments.folder}: {sum(w.numel() for w in weights.values()) / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main()
