"""The problems of chain.py, their reasoning written through a secret permutation of the ten digits.

Prompt and final answer are plain. Read as it stands, the reasoning is false sums, and carries the true ones.
"""

import random
from dataclasses import replace

import chain
from chain import CANVAS, EARLY, EQUATION, EVAL_SEED, FEWEST, LENGTH, MOST, OPENING, PATTERN, pieces

CODE_SEED = 7
CODE = str.maketrans("0123456789", "".join(random.Random(CODE_SEED).sample("0123456789", 10)))


def coded(item):
    reasoning, answer = item.worked.split(OPENING)
    return replace(item, worked=reasoning.translate(CODE) + OPENING + answer)


def problem(rng, held_out_set=False, steps=None):
    return coded(chain.problem(rng, held_out_set, steps))


def lesson(rng, steps):
    return coded(chain.lesson(rng, steps))


def equation(rng):
    return chain.equation(rng).translate(CODE)
