"""Choice probabilities of Beta arms by an independent, much finer computation.

Run: python3 make_golden.py   (writes one CSV per family beside itself)
Needs numpy, scipy and mpmath; the versions used are in README.md.

P(arm a is largest) = integral of f_a(y) * prod over b != a of F_b(y) dy with y = logit of the rate.
The CDFs are scipy's regularised incomplete beta function, the densities are normalised by mpmath, the
grid is composite 16-point Gauss-Legendre whose panels resolve the narrowest arm present. Nothing is
normalised afterwards, so |1 - sum P| is a check on the whole: it must stay below 1e-9.
"""

import math
import os
import random

import mpmath
import numpy as np
from scipy.special import betainc, betaincc

mpmath.mp.dps = 40
DROP = 40.0  # the support ends where the log density is this much below its top
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def log_norm(a, b):
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    n = a + b
    at_mode = a * mpmath.log(a / n) + b * mpmath.log(b / n)
    return float(at_mode - mpmath.loggamma(a) - mpmath.loggamma(b) + mpmath.loggamma(n))


def relative_log_density(a, b, y):
    """ln f(y) - ln f(mode), without cancellation."""
    n, mode = a + b, math.log(a / b)
    t = np.asarray(y) - mode
    p, q = a / n, b / n
    near = np.abs(t) < 1
    tn = np.where(near, t, 0)
    narrow = a * tn - n * np.log1p(p * np.expm1(tn))
    yw = np.where(near, mode, y)
    wide = (a * (-np.logaddexp(0, -yw) - math.log(p)) + b * (-np.logaddexp(0, yw) - math.log(q)))
    return np.where(near, narrow, wide)


def cut(a, b, sign):
    mode = math.log(a / b)
    out = 1 / math.sqrt(a * b / (a + b))
    while relative_log_density(a, b, mode + sign * out) > -DROP:
        out *= 2
    low, high = 0.0, out
    for _ in range(60):
        mid = 0.5 * (low + high)
        if relative_log_density(a, b, mode + sign * mid) > -DROP:
            low = mid
        else:
            high = mid
    return mode + sign * high


def cdf(a, b, y):
    x = np.where(y < 0, np.exp(np.minimum(y, 0)) / (1 + np.exp(np.minimum(y, 0))), 0.5)
    x1 = np.where(y >= 0, np.exp(-np.maximum(y, 0)) / (1 + np.exp(-np.maximum(y, 0))), 0.5)
    return np.where(y < 0, betainc(a, b, x), betaincc(b, a, x1))


def grid(arms, low, high):
    """Breaks at every support end; inside, panels of half the smallest scale present."""
    spans = [(cut(a, b, -1), cut(a, b, 1), math.sqrt((a + b) / (a * b)), a, b) for a, b in arms]
    points = {low, high, 0.0}
    for lo, hi, scale, a, b in spans:
        mode = math.log(a / b)
        points.update((lo, hi))
        for k in range(-8, 9):
            points.add(mode + k * scale)
    points = sorted(p for p in points if low <= p <= high)
    edges = [low]
    for left, right in zip(points, points[1:]):
        if right - left < 1e-15:
            continue
        here = [min(s, 1.0 / math.sqrt(min(1.0, max(a, b)))) for lo, hi, s, a, b in spans
                if lo < right and hi > left]
        width = 0.5 * min(here) if here else right - left
        pieces = max(1, math.ceil((right - left) / width))
        edges.extend(left + (right - left) * (k + 1) / pieces for k in range(pieces))
    edges = np.array(edges)
    half = 0.5 * np.diff(edges)
    centre = 0.5 * (edges[1:] + edges[:-1])
    return (centre[:, None] + half[:, None] * NODES).ravel(), (half[:, None] * WEIGHTS).ravel()


def choice(arms, known):
    """Probabilities of the arms, then of the known rate if there is one; and the defect."""
    spans = [(cut(a, b, -1), cut(a, b, 1)) for a, b in arms]
    low, high = max(s[0] for s in spans), max(s[1] for s in spans)
    at = None
    if known is not None:
        at = math.log(known / (1 - known)) if known > 0 else -math.inf
        low = max(low, at)
    total = np.zeros(len(arms))
    last = 0.0
    if known is not None and at > -math.inf:
        last = float(np.prod([cdf(a, b, np.array([at]))[0] for a, b in arms]))
    if low < high:
        live = [i for i in range(len(arms)) if spans[i][1] > low]
        y, w = grid([arms[i] for i in live], low, high)
        for begin in range(0, len(y), 20000):
            ys, ws = y[begin:begin + 20000], w[begin:begin + 20000]
            cdfs = np.array([cdf(*arms[i], ys) for i in live])
            before = np.ones((len(live) + 1, len(ys)))
            after = np.ones((len(live) + 1, len(ys)))
            for k in range(len(live)):
                before[k + 1] = before[k] * cdfs[k]
                after[len(live) - 1 - k] = after[len(live) - k] * cdfs[len(live) - 1 - k]
            for k, i in enumerate(live):
                a, b = arms[i]
                density = np.exp(relative_log_density(a, b, ys) + log_norm(a, b))
                total[i] += np.sum(ws * density * before[k] * after[k + 1])
    values = list(total) + ([last] if known is not None else [])
    return values, abs(1 - math.fsum(values))


def arms_of(family, count, rng):
    arms = []
    for i in range(count):
        if family == 'priors':
            arms.append((1.0, 1.0))
        elif family == 'small':
            n = rng.randint(1, 100)
            s = rng.randint(0, n)
            arms.append((1.0 + s, 1.0 + n - s))
        elif family == 'rates':
            n = int(math.exp(rng.uniform(math.log(50), math.log(50000))))
            s = sum(rng.random() < 0.02 for _ in range(n))
            arms.append((1.0 + s, 1.0 + n - s))
        elif family == 'newcomer':
            if i == count - 1:
                arms.append((1.0, 1.0))
            else:
                s = 20000 + rng.randint(-600, 600)
                arms.append((1.0 + s, 1.0 + 1000000 - s))
        elif family == 'fractional':
            arms.append((round(rng.uniform(0.02, 0.95), 3), round(rng.uniform(0.1, 30), 2)))
        elif family == 'near_ties':
            s = 20000 + rng.randint(-2, 2)
            arms.append((1.0 + s, 1.0 + 1000000 - s))
    return arms


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    worst = 0.0
    for family in ('priors', 'small', 'rates', 'newcomer', 'fractional', 'near_ties'):
        rng = random.Random('fulcrum ' + family)
        rows = ['config,kind,alpha_or_value,beta,probability']
        for count in (2, 5, 20, 50, 200):
            for baseline in ('beta', 'known'):
                arms = arms_of(family, count, rng)
                if baseline == 'beta':
                    neutral = (3.0, 140.0) if family == 'newcomer' else arms_of(family, 1, rng)[0]
                    values, defect = choice(arms + [neutral], None)
                else:
                    means = sorted((a / (a + b) for a, b in arms), reverse=True)
                    known = float('%.6g' % (means[min(1, len(means) - 1)]))
                    values, defect = choice(arms, known)
                worst = max(worst, defect)
                print(family, count, baseline, 'defect %.2e' % defect, flush=True)
                name = '%s_%d_%s' % (family, count, baseline)
                for (a, b), p in zip(arms, values):
                    rows.append('%s,arm,%r,%r,%.12g' % (name, a, b, p))
                if baseline == 'beta':
                    rows.append('%s,neutral,%r,%r,%.12g' % (name, *neutral, values[-1]))
                else:
                    rows.append('%s,known,%r,0,%.12g' % (name, known, values[-1]))
        with open(os.path.join(here, 'choice_%s.csv' % family), 'w') as out:
            out.write('\n'.join(rows) + '\n')
    print('worst defect %.2e' % worst)
    assert worst < 1e-9


if __name__ == '__main__':
    main()
