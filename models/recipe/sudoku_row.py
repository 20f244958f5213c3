"""A file of the problems of sudoku.py that asks for the last row of the solution: the rows before it are the reasoning."""

from dataclasses import replace

import sudoku
from sudoku import EVAL_SEED, SIZE


def problem(rng, held_out_set=False, steps=None):
    item = sudoku.problem(rng, held_out_set, steps)
    return replace(item, answer=item.answer[-SIZE:])
