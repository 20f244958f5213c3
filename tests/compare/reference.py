"""Computes the prices of compare.json again, from the answers of its first rounds alone, and compares them.

Needs Python 3.8 and nothing else; written from docs/measures.md, it shares nothing with the engine. Depths are taken as they are of each
answer; that a canvas of s steps is as deep as docs/measures.md says is checked with the steps that the answers name.
Usage: reference.py FOLDER
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "battery"))
import statistics_reference as statistics

SEED = 0
TOLERANCE = 1e-9
COSTS = {
    "nfe": lambda answer: answer.get("nfe"),
    "opaque_depth": lambda answer: answer.get("depth", {}).get("opaque"),
    "serial_depth": lambda answer: answer.get("depth", {}).get("total"),
}


def estimate(found):
    value, n, interval = found[:3]
    return {"value": value, "n": n, **({"low": interval[0], "high": interval[1]} if interval else {})}


def prices(report):
    rows = {}
    for row in report["measurements"]:
        if not row["contestant"].startswith("control: "):
            rows.setdefault(row["contestant"], row["rounds"][0]["answers"])
    first = next(iter(rows))
    right = {name: [each["right"] for each in answers] for name, answers in rows.items()}
    others = [name for name in rows if name != first]
    p = [statistics.mcnemar(right[name], right[first]) for name in others]
    holm = dict(zip(others, zip(p, statistics.holm(p))))
    for name, answers in rows.items():
        costs = {key: [of(each) for each in answers] for key, of in COSTS.items()}
        base = {key: [of(each) for each in rows[first]] for key, of in COSTS.items()}
        found = {"right": estimate(statistics.share(sum(right[name]), len(answers)))}
        for key, values in costs.items():
            if None not in values:
                found[key] = estimate(statistics.mean_interval(values, SEED))
        if name != first:
            less = {"right": estimate(statistics.difference_interval(right[name], right[first], SEED))}
            less["right"].update(p=holm[name][0], p_holm=holm[name][1])
            for key, values in costs.items():
                if None not in values and None not in base[key]:
                    less[key] = estimate(statistics.difference_interval(values, base[key], SEED))
            found["less_first"] = less
        yield name, found


def numbers(fields, where=()):
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from numbers(value, where + (key,))
        elif not isinstance(value, (str, bool)):
            yield where + (key,), value


def depths(report):
    """Of a contestant whose steps pass tokens alone, every step is as deep; of another, what passes makes a canvas one chain."""
    passes = {each["contestant"]: each.get("tokens_only") for each in report["prices"]}
    for row in report["measurements"]:
        for answer in row["rounds"][0]["answers"]:
            steps, depth = answer["block_steps"], answer.get("depth")
            if depth is None or row["contestant"] not in passes:
                continue
            strict = depth["total"] / sum(steps)
            if passes[row["contestant"]]:
                yield depth["opaque"] == strict
            elif max(steps) > 1:
                told = (depth["opaque"] - strict) / (max(steps) - 1)
                yield told == int(told) and 0 < told <= strict
            yield answer["nfe"] == sum(steps)


def main(folder):
    report = json.loads((pathlib.Path(folder) / "compare.json").read_text())
    written = {each["contestant"]: dict(numbers(each)) for each in report["prices"]}
    checked, faults = 0, 0
    for name, found in prices(report):
        expected = dict(numbers(found))
        own = {key: value for key, value in written.pop(name).items() if key != ("bits_handed_on",)}
        for key in expected.keys() | own.keys():
            checked += 1
            if abs(expected.get(key, float("inf")) - own.get(key, float("inf"))) <= TOLERANCE * max(1, abs(expected.get(key, 0))):
                continue
            faults += 1
            print(name, key, "is", own.get(key), "and should be", expected.get(key))
    for holds in depths(report):
        checked += 1
        faults += not holds
    faults += len(written)
    print(f"{checked} numbers, {faults} faults")


if __name__ == "__main__":
    main(sys.argv[1])
