"""Word problems of two to five additions and subtractions, and their worked answers.

Every running value has two digits (10..59) and every operand one (2..9); the steps are told in order, each opening with a
word that says which one it is.
"""

from problems import Problem, held_out, words

FEWEST, MOST = 2, 5
EARLY = (2, 3)
CANVAS, LENGTH = 48, 128
EVAL_SEED = 20261121
OPENING = "Answer: "
EQUATION = 8
LOWEST, HIGHEST = 10, 59
PATTERN = r"[.:] (?=\d)| ?[A-Za-z']+| (?=\d)|\d|\S|\s"

WOMEN = ["Maya", "Ada", "Lena", "Nora", "Ines", "Rosa", "Vera", "Mina"]
MEN = ["Omar", "Leo", "Finn", "Hugo", "Ivan", "Theo", "Noah", "Paul"]
THINGS = [
    "marbles", "coins", "stamps", "cards", "books", "shells", "beads", "pens",
    "stickers", "buttons", "apples", "pears", "plums", "nuts", "stones", "keys",
]

STARTS = [
    "{name} has {value} {things}.",
    "{name} starts with {value} {things}.",
    "{name} counts {value} {things}.",
    "There are {value} {things} in the box of {name}.",
]
ADDITIONS = [
    "{she} buys {value} more.",
    "{she} finds {value} {things}.",
    "{she} gets {value} from {friend}.",
    "{friend} gives {her} {value}.",
    "{friend} brings {value} more.",
    "{she} wins {value}.",
    "{she} adds {value} {things}.",
]
SUBTRACTIONS = [
    "{she} loses {value}.",
    "{she} gives {value} to {friend}.",
    "{she} gives {friend} {value}.",
    "{she} sells {value} {things}.",
    "{friend} takes {value}.",
    "{she} throws {value} away.",
    "{she} uses {value} of them.",
]
ORDERS = [
    ["First", "Then", "Next", "Later", "Finally"],
    ["On Monday", "On Tuesday", "On Wednesday", "On Thursday", "On Friday"],
]
QUESTIONS = [
    "How many {things} does {name} have now?",
    "How many {things} are there now?",
    "How many {things} does {she} have in the end?",
]


def chain(rng, steps):
    """A start and `steps` signed operands whose running value stays within LOWEST..HIGHEST."""
    value = start = rng.randint(LOWEST, HIGHEST)
    operands = []
    for _ in range(steps):
        choices = [o for o in range(-9, 10) if abs(o) > 1 and LOWEST <= value + o <= HIGHEST]
        operands.append(rng.choice(choices))
        value += operands[-1]
    return start, operands


def wording(rng, start, operands):
    name, friend = rng.sample(WOMEN + MEN, 2)
    she, her = ("she", "her") if name in WOMEN else ("he", "him")
    things = rng.choice(THINGS)
    words = dict(name=name, friend=friend, her=her, things=things)
    sentences = [rng.choice(STARTS).format(value=start, **words)]
    for order, operand in zip(rng.choice(ORDERS), operands):
        template = rng.choice(ADDITIONS if operand > 0 else SUBTRACTIONS)
        sentences.append(order + " " + template.format(value=abs(operand), she=she, **words))
    sentences.append(rng.choice(QUESTIONS).format(she=she, **words))
    return " ".join(sentences)


def worked(start, operands):
    value, lines = start, []
    for operand in operands:
        lines.append(f"{value}{'+' if operand > 0 else '-'}{abs(operand)}={value + operand}.")
        value += operand
    return " ".join(lines) + f" {OPENING}{value}", value


def problem(rng, held_out_set=False, steps=None):
    while True:
        count = steps or rng.randint(FEWEST, MOST)
        start, operands = chain(rng, count)
        if held_out(start, operands) == held_out_set:
            text, value = worked(start, operands)
            return Problem(wording(rng, start, operands), text, value, count)


def lesson(rng, steps):
    return problem(rng, steps=steps)


def equation(rng):
    return worked(*chain(rng, 1))[0].split(" ")[0]


def pieces():
    texts = STARTS + ADDITIONS + SUBTRACTIONS + QUESTIONS + sum(ORDERS, [])
    found = words(texts + ["she", "he", "her", "him", "Answer", *WOMEN, *MEN, *THINGS])
    return list("0123456789+-=") + [". ", ": ", " ", ".", ":", "?"] + [" " + word for word in found]
