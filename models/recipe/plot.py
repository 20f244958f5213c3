"""Plots loss curves: python plot.py OUT.svg NAME=LOSS.jsonl …"""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.5))
for argument in sys.argv[2:]:
    name, path = argument.split("=")
    records = [json.loads(line) for line in open(path)]
    axes.plot([r["minutes"] for r in records], [r["loss"] for r in records], label=name)
axes.set(xlabel="minutes", ylabel="cross-entropy of masked (or next) tokens", yscale="log")
axes.legend()
axes.grid(alpha=0.3)
figure.tight_layout()
figure.savefig(sys.argv[1])
