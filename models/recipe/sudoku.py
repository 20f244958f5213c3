"""Sudoku of six by six cells in boxes of three by two, and its solution: the problem of Ye et al., 2024 (arXiv 2410.14157), who
have nine by nine.

A problem's `steps` are its open cells, and its answer is the whole solution. Lessons may have several solutions, problems have one.
"""

import hashlib

from problems import HELD_OUT_SHARE, Problem

SIZE, BOX_ROWS, BOX_COLUMNS = 6, 2, 3
FEWEST, MOST = 12, 22
EARLY = (6, 14)
CANVAS, LENGTH = 44, 88
EVAL_SEED = 20261129
PATTERN = r"[\s\S]"
OPENING = ""
EQUATION = 0
OPEN = "_"

CELLS = range(SIZE * SIZE)
UNITS = [
    {c for c in CELLS if unit(c) == place}
    for unit in (lambda c: c // SIZE, lambda c: c % SIZE, lambda c: (c // SIZE // BOX_ROWS, c % SIZE // BOX_COLUMNS))
    for place in sorted({unit(c) for c in CELLS})
]
PEERS = [sorted(set().union(*(unit for unit in UNITS if cell in unit)) - {cell}) for cell in CELLS]


def solutions(rng, grid, most):
    """Up to `most` ways to fill a grid's zeros, in random order."""
    candidates = {}
    for cell in CELLS:
        if not grid[cell]:
            taken = {grid[peer] for peer in PEERS[cell]}
            candidates[cell] = [digit for digit in range(1, SIZE + 1) if digit not in taken]
    if not candidates:
        return [list(grid)]
    cell = min(candidates, key=lambda c: len(candidates[c]))
    found = []
    for digit in rng.sample(candidates[cell], len(candidates[cell])):
        grid[cell] = digit
        found += solutions(rng, grid, most - len(found))
        if len(found) == most:
            break
    grid[cell] = 0
    return found


def rows(grid):
    signs = [str(digit or OPEN) for digit in grid]
    return "\n".join("".join(signs[start : start + SIZE]) for start in range(0, len(signs), SIZE))


def held_out(grid):
    """Whether a solution belongs to the held-out set, whatever cells are given: its hash says so."""
    return hashlib.sha256(rows(grid).encode()).digest()[0] % HELD_OUT_SHARE == 0


def drawn(rng, held_out_set, steps):
    """A solution, and it with so many cells open."""
    while True:
        solution = solutions(rng, [0] * len(CELLS), 1)[0]
        if held_out(solution) == held_out_set:
            opened = set(rng.sample(CELLS, steps))
            return solution, [0 if cell in opened else solution[cell] for cell in CELLS]


def lesson(rng, steps):
    solution, given = drawn(rng, False, steps)
    return Problem(rows(given), rows(solution), rows(solution), steps)


def problem(rng, held_out_set=False, steps=None):
    count = steps or rng.randint(FEWEST, MOST)
    while True:
        solution, given = drawn(rng, held_out_set, count)
        if len(solutions(rng, list(given), 2)) == 1:
            return Problem(rows(given), rows(solution), rows(solution), count)


def pieces():
    return list("123456") + [OPEN, "\n", " "]
