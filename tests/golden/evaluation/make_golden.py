#!/usr/bin/env python3
"""A small made-up log and what numpy says of it, to check the estimators against.

Run by `make golden` only; the tests read the files that are checked in. Writes rows.jsonl (240 rows,
two positions, candidates that differ from row to row, rewards in money), target.csv (long form) and
expected.json beside itself. Shares nothing with src/evaluation: matrices of rows x actions here, rows
and lists there.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROWS, POSITIONS, RESAMPLES, PRIOR_ROWS, FOLDS = 240, 2, 400_000, 100.0, 3
ACTIONS = ["boots", "coat", "hat", "none", "scarf"]
rng = np.random.default_rng(20191124)


def make_log():
    """logged[i, a]: probability, 0 where a could not be drawn."""
    k = len(ACTIONS)
    logged = rng.dirichlet(np.full(k, 2.0), size=ROWS)
    logged[rng.random((ROWS, k)) < 0.1] = 0
    logged[:, 1] += 0.05
    logged = np.round(logged / logged.sum(axis=1, keepdims=True), 6)
    logged[:, 1] += 1 - logged.sum(axis=1)  # six digits that sum to 1
    logged = np.round(logged, 6)
    action = np.array([rng.choice(k, p=p / p.sum()) for p in logged])
    position = rng.integers(0, POSITIONS, ROWS)
    chance = np.array([0.3, 0.5, 0.15, 0.05, 0.25])[action] * np.where(position == 0, 1.0, 0.6)
    reward = np.where(rng.random(ROWS) < chance, np.round(rng.gamma(2.0, 8.0, ROWS), 2), 0.0)
    reward[rng.random(ROWS) < 0.02] = -3.5  # a refund that costs
    return logged, action, position, reward


def shrunk(action, reward):
    """q[i, a], cross-fitted over row number mod 3."""
    k = len(ACTIONS)
    fold = np.arange(ROWS) % FOLDS
    q = np.empty((ROWS, k))
    for f in range(FOLDS):
        out = fold != f
        mean = reward[out].mean()
        totals = np.bincount(action[out], weights=reward[out], minlength=k)
        counts = np.bincount(action[out], minlength=k)
        q[~out] = (totals + PRIOR_ROWS * mean) / (counts + PRIOR_ROWS)
    return q


def mean_figure(x):
    return dict(value=x.mean(), se=x.std(ddof=1) / np.sqrt(len(x)))


def intervals(terms):
    """Percentile bootstrap of all estimators, by multinomial counts."""
    kept = []
    done = 0
    while done < RESAMPLES:
        many = min(4000, RESAMPLES - done)
        counts = rng.multinomial(ROWS, np.full(ROWS, 1 / ROWS), size=many)
        w, wr, dm, dr = (counts @ t for t in terms)
        kept.append(np.stack([wr / ROWS, wr / w, dm / ROWS, dr / ROWS]))
        done += many
    return np.percentile(np.concatenate(kept, axis=1), [2.5, 97.5], axis=1).T


def figures(pi, logged, action, reward):
    rows = np.arange(ROWS)
    q = shrunk(action, reward)
    w = pi[rows, action] / logged[rows, action]
    wr = w * reward
    dm = (pi * q).sum(axis=1)
    dr = dm + w * (reward - q[rows, action])
    snips = wr.sum() / w.sum()
    out = dict(
        ips=mean_figure(wr),
        snips=dict(value=snips, se=np.sqrt(((wr - snips * w) ** 2).sum()) / w.sum()),
        dm=mean_figure(dm),
        dr=mean_figure(dr))
    for name, (low, high) in zip(("ips", "snips", "dm", "dr"), intervals((w, wr, dm, dr))):
        out[name].update(ci_low=low, ci_high=high)
    out.update(effective_sample_size=w.sum() ** 2 / (w ** 2).sum(), mean_weight=w.mean(),
               mean_weight_se=w.std(ddof=1) / np.sqrt(ROWS), max_weight=w.max(),
               unsupported_share=np.where(logged > 0, 0, pi).sum(axis=1).mean())
    return out


def main():
    logged, action, position, reward = make_log()
    with open(HERE / "rows.jsonl", "w") as out:
        for i in range(ROWS):
            out.write(json.dumps(dict(
                action=ACTIONS[action[i]], propensity=logged[i, action[i]], reward=reward[i],
                position=int(position[i]) + 1, candidates=ACTIONS,
                probabilities=[float(p) for p in logged[i]])) + "\n")
    table = np.round(rng.dirichlet(np.full(len(ACTIONS), 3.0), size=POSITIONS), 4)
    table[:, 0] += 1 - table.sum(axis=1)
    table = np.round(table, 4)
    with open(HERE / "target.csv", "w") as out:
        out.write("action,position,probability\n")
        for p in range(POSITIONS):
            for a, name in enumerate(ACTIONS):
                out.write(f"{name},{p + 1},{table[p, a]:.4f}\n")
    drawable = logged > 0
    targets = dict(table=table[position], logged=logged,
                   uniform=drawable / drawable.sum(axis=1, keepdims=True))
    expected = dict(rows=ROWS, resamples=RESAMPLES, mean_reward=reward.mean())
    for name, pi in targets.items():
        expected[name] = figures(pi, logged, action, reward)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
