"""What the tasks share, and the file of problems that a model is measured with: python problems.py TASK COUNT.

A task is a module, and has

- FEWEST and MOST steps of a problem, EARLY the same for the beginning of a training;
- CANVAS positions for the worked answer, LENGTH of prompt and canvas at most;
- OPENING, what stands before the answer in the worked answer;
- EQUATION, how many tokens an equation of the reasoning takes, or 0 where there is none;
- PATTERN that cuts text into pieces, and pieces(), all of them in a fixed order;
- problem(rng, held_out_set, steps), a problem worked in the plain way, and lesson(rng, steps), a training text, which
  may have more to it;
- equation(rng), one equation of the reasoning, where there are;
- EVAL_SEED of the file.

Running values have two digits and operands one, so that every equation takes as many tokens: `24+7=31. ` is eight.
"""

import hashlib
import importlib
import json
import random
import sys
from dataclasses import dataclass

HELD_OUT_SHARE = 32  # one chain in 32


@dataclass(frozen=True)
class Problem:
    prompt: str
    worked: str
    answer: object
    steps: int


def held_out(start, operands):
    """Whether a chain of arithmetic belongs to the held-out set, whatever its wording: its hash says so."""
    chain = ",".join(map(str, [start, *operands]))
    return hashlib.sha256(chain.encode()).digest()[0] % HELD_OUT_SHARE == 0


def words(texts):
    """Every word of templates, in the order of first appearance."""
    found = {}
    for text in texts:
        for sign in ".?,:":
            text = text.replace(sign, " ")
        for word in text.split():
            if word.isalpha():
                found[word] = None
    return list(found)


def task(name):
    return importlib.import_module(name.replace("-", "_"))


def main():
    chosen = task(sys.argv[1])
    generator = random.Random(chosen.EVAL_SEED)
    seen = set()
    while len(seen) < int(sys.argv[2]):
        item = chosen.problem(generator, held_out_set=True)
        if item.prompt not in seen:
            seen.add(item.prompt)
            print(json.dumps({"prompt": item.prompt, "worked": item.worked, "answer": str(item.answer), "steps": item.steps}))


if __name__ == "__main__":
    main()
