"""The statistics of docs/measures.md, section "Statistics", written a second time from their definitions.

Needs Python 3.8 and nothing else. What is undefined is None. An interval is (low, high); what has a bootstrap interval is
(value, n, interval, undefined resamples). As a program it reads a JSON list of [name, arguments] from standard input and writes
the list of the results: what the Java classes are compared with.
"""

import json
import math
import sys
from array import array
from statistics import NormalDist

RESAMPLES = 10_000
ITEM = 6  # the purpose, last word of the counter
LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
WORD = 0xFFFFFFFF


# Random numbers


def philox(counter, key):
    """The four words of a block of Philox4x32-10."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


_drawn = {}


def resample(seed, number, n):
    """The items that a resample of n items draws."""
    words = _drawn.setdefault((seed, number), array("Q"))
    while len(words) < n:
        words.extend(philox((len(words) // 4, 0, number, ITEM), (seed & WORD, (seed >> 32) & WORD)))
    return [word * n >> 32 for word in words[:n]]


# Intervals


def bootstrap(n, seed, statistic):
    """A statistic of a list of item numbers, and its percentile interval."""
    value = statistic(list(range(n)))
    if value is None:
        return None
    values = [statistic(resample(seed, number, n)) for number in range(RESAMPLES)]
    defined = sorted(each for each in values if each is not None)
    interval = None
    if defined and defined[-1] - defined[0] >= 1e-12:
        tail = (len(defined) - 1) // 40
        interval = (defined[tail], defined[-1 - tail])
    return value, n, interval, RESAMPLES - len(defined)


def mean(values):
    return sum(values) / len(values) if values else None


def mean_interval(values, seed):
    return bootstrap(len(values), seed, lambda items: mean([values[item] for item in items]))


def difference_interval(some, other, seed):
    """Of the mean of some[i] - other[i]."""
    return mean_interval([a - b for a, b in zip(some, other)], seed)


def score_interval(share, n):
    """Wilson's, of a share of n trials."""
    center = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, center - half), min(1.0, center + half)


def share(hits, n):
    """(share, n, interval) of n independent trials."""
    return (hits / n, n, score_interval(hits / n, n)) if n else None


def clustered_share(hits, trials):
    """(share, trials, interval) of trials of which an item may have several."""
    n = sum(trials)
    if n == 0:
        return None
    p = sum(hits) / n
    if p in (0, 1):
        independent = sum(each > 0 for each in trials)
    else:
        between = sum((h - p * t) ** 2 for h, t in zip(hits, trials))
        independent = n / max(1, between / (n * p * (1 - p)))
    return p, n, score_interval(p, independent)


def difference_of_shares(some, other):
    """Newcombe's interval of a share less another, each as share() gives it."""
    (p, _, (p_low, p_high)), (q, _, (q_low, q_high)) = some, other
    return p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def beta(x, a, b):
    """The regularised incomplete beta function, by its continued fraction (Lentz)."""
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta(1 - x, b, a)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * fraction / a


def student_quantile(degrees):
    """The t beyond which half of what LEVEL leaves out lies, found by bisection."""
    low, high = 0.0, 1.0

    def beyond(t):
        return beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2

    while beyond(high) > (1 - LEVEL) / 2:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > (1 - LEVEL) / 2 else (low, middle)
    return (low + high) / 2


def student_mean(values, most):
    """(mean, n, interval) of values from 0 to most."""
    n, center = len(values), mean(values)
    squares = sum((value - center) ** 2 for value in values)
    if squares == 0:
        return center, n, None
    half = student_quantile(n - 1) * math.sqrt(squares / (n - 1) / n)
    return center, n, (max(0.0, center - half), min(float(most), center + half))


# Tests


def mcnemar(some, other):
    """The two-sided p-value of two lists of truths."""
    first = sum(a and not b for a, b in zip(some, other))
    second = sum(b and not a for a, b in zip(some, other))
    n = first + second
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2**n)


def holm(p):
    adjusted = [0.0] * len(p)
    largest = 0.0
    for rank, test in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[test]))
        adjusted[test] = largest
    return adjusted


# Association


def mid_ranks(values):
    order = sorted(values)
    last = {value: place for place, value in enumerate(order, 1)}
    first = {value: place for place, value in reversed(list(enumerate(order, 1)))}
    return [(first[value] + last[value]) / 2 for value in values]


def spearman(some, other):
    a, b = mid_ranks(some), mid_ranks(other)
    middle = (len(a) + 1) / 2
    aa = sum((x - middle) ** 2 for x in a)
    bb = sum((y - middle) ** 2 for y in b)
    return sum((x - middle) * (y - middle) for x, y in zip(a, b)) / math.sqrt(aa * bb) if aa and bb else None


def spearman_interval(some, other, seed):
    return bootstrap(len(some), seed, lambda items: spearman([some[i] for i in items], [other[i] for i in items]))


def auroc(scores, positive):
    above = [score for score, yes in zip(scores, positive) if yes]
    below = [score for score, yes in zip(scores, positive) if not yes]
    if not above or not below:
        return None
    return sum((a > b) + (a == b) / 2 for a in above for b in below) / (len(above) * len(below))


def auroc_interval(scores, positive, seed):
    return bootstrap(len(scores), seed, lambda items: auroc([scores[i] for i in items], [positive[i] for i in items]))


def detection(flagged, positive):
    """TPR and TNR as share() gives them, and their product."""
    pairs = list(zip(flagged, positive))
    tpr = share(sum(flag for flag, yes in pairs if yes), sum(yes for _, yes in pairs))
    tnr = share(sum(not flag for flag, yes in pairs if not yes), sum(not yes for _, yes in pairs))
    return tpr, tnr, tpr[0] * tnr[0] if tpr and tnr else None


def detection_interval(flagged, positive, seed):
    """Of TPR · TNR."""
    return bootstrap(len(flagged), seed, lambda items: detection([flagged[i] for i in items], [positive[i] for i in items])[2])


# Reasoning


def _curves(items):
    """By length, its items; only lengths of which some item has something kept."""
    lengths = {}
    for length, points in items:
        lengths.setdefault(length, []).append(points)
    return {length: group for length, group in lengths.items() if any(kept for points in group for kept, _ in points)}


def counted_items(items):
    """Those of [length, [[kept, same], …]] that the area over the curve counts."""
    begun = [item for item in items if any(kept == 0 for kept, _ in item[1])]
    lengths = _curves(begun)
    return [item for item in begun if item[0] in lengths]


def _area(items):
    curves = _curves(items)
    n = sum(len(group) for group in curves.values())
    area = 0.0
    for group in curves.values():
        answers = {}
        for points in group:
            for kept, same in points:
                answers.setdefault(kept, []).append(same)
        most = max(answers)
        curve = [(kept / most, mean(answers[kept])) for kept in sorted(answers)]
        area += len(group) * sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(curve, curve[1:]))
    return 1 - area / n if n else None


def area_over_curve(items):
    return _area(counted_items(items))


def area_over_curve_interval(items, seed):
    counted = counted_items(items)
    return bootstrap(len(counted), seed, lambda drawn: _area([counted[i] for i in drawn]))


VOTES = {
    "fixed": lambda step, steps: 1,
    "linear": lambda step, steps: step + 1,  # over steps, which changes no winner
    "exponential": lambda step, steps: math.exp(5 * step / steps),
}


def temporal_vote(answers, weights):
    """The answer that wins; answers has None for a step without one, weights is a key of VOTES."""
    votes = {}
    for step, answer in enumerate(answers):
        if answer is not None:
            votes[answer] = votes.get(answer, 0) + VOTES[weights](step, len(answers))
    return max(votes, key=votes.get) if votes else None  # of equal ones the first that came


COMPARED = (
    share, clustered_share, difference_of_shares, student_mean, mean_interval, difference_interval, mcnemar, holm, spearman,
    spearman_interval, auroc, auroc_interval, detection, detection_interval, area_over_curve, area_over_curve_interval, temporal_vote,
)

if __name__ == "__main__":
    functions = {function.__name__: function for function in COMPARED}
    json.dump([functions[name](*arguments) for name, arguments in json.load(sys.stdin)], sys.stdout)
