"""Writes a checkpoint of random weights in a real size, of a bundled model's family and with its tokenizer, to measure what small ones cannot show."""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
WIDTHS = {"hidden": ("hidden_size", "d_model"), "inner": ("intermediate_size", "mlp_hidden_size")}
HEADS = ("num_attention_heads", "num_key_value_heads", "n_heads", "n_kv_heads")
LAYERS = ("num_hidden_layers", "n_layers")


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--like", choices=["abacus-mdm", "abacus-ar"], default="abacus-ar")
    parse.add_argument("--layers", type=int, default=12)
    parse.add_argument("--hidden", type=int, default=768)
    parse.add_argument("--heads", type=int, default=12)
    parse.add_argument("--intermediate", type=int, default=3072)
    parse.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    arguments = parse.parse_args()
    bundled = MODELS / arguments.like
    config = json.loads((bundled / "config.json").read_text())
    scaled = {"hidden": arguments.hidden, "inner": arguments.intermediate}
    sizes = {config[key]: scaled[name] for name, keys in WIDTHS.items() for key in keys if key in config}
    for name, keys in WIDTHS.items():
        config.update({key: scaled[name] for key in keys if key in config})
    config.update({key: arguments.heads for key in HEADS if key in config})
    config.update({key: arguments.layers for key in LAYERS if key in config})
    config["torch_dtype"] = arguments.dtype

    torch.manual_seed(1)
    dtype = getattr(torch, arguments.dtype)

    def draw(tensor):
        shape = [sizes.get(size, size) for size in tensor.shape]
        if len(shape) == 1:
            return torch.ones(shape, dtype=dtype)
        return (torch.randn(shape) / shape[-1] ** 0.5).to(dtype)

    weights = {}
    for name, tensor in load_file(bundled / "model.safetensors").items():
        parts = name.split(".")
        place = next((i for i, part in enumerate(parts) if part.isdigit()), None)
        if place is None:
            weights[name] = draw(tensor)
        elif parts[place] == "0":
            for layer in range(arguments.layers):
                weights[".".join(parts[:place] + [str(layer)] + parts[place + 1 :])] = draw(tensor)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, arguments.folder / "model.safetensors")
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bundled / file, arguments.folder)
    print(f"{arguments.folder}: {sum(w.numel() for w in weights.values()) / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main()
