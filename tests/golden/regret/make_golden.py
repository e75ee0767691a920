"""Regret of MABWiser's policies on Fulcrum's worlds, and the worlds' truth computed a second time.

Usage: make_golden.py FULCRUM WORK [WORLD...]

`FULCRUM simulate --export` gives each world's truth and the visits of every seed: the same visitors with
the same luck that `FULCRUM simulate --regret` plays. Writes <world>.json, in the form of
`simulate --regret --json`, and truth.csv. Runs are kept in WORK until a world is done, so an interrupted study goes
on.
"""

import json
import pathlib
import statistics
import subprocess
import sys

from peers import COUNTING, LINEAR, make_peer, names_for
from world import World, oracle_of, play, read_visits

HERE = pathlib.Path(__file__).parent
WORLDS = ["stationary", "contextual", "shifting", "seasonal", "fatigue", "delayed", "many_arms",
          "slates"]
DECISIONS, SEEDS, BATCH = 5_000, 50, 20
TRUTH_DECISIONS, TRUTH_SEED = 4_000, 1


def export(fulcrum, name, seed, work):
    directory = work / name
    subprocess.run([fulcrum, "simulate", "--world", name, "--decisions", str(DECISIONS), "--seed",
                    str(seed), "--export", directory], check=True)
    visits = directory / f"visits-{seed}.csv"
    read = list(read_visits(visits))
    visits.unlink()
    return World(directory), read


class InTurn:
    """Shows visit n the arms n, n + 1, ..., down to the neutral action."""

    def __init__(self, world):
        self.world, self.count = world, 0

    def choose(self, visits):
        slates = []
        for _ in visits:
            slate = []
            for place in range(len(self.world.positions)):
                slate.append((self.count + place) % len(self.world.arms))
                if slate[-1] == self.world.neutral:
                    break
            slates.append(slate)
            self.count += 1
        return slates

    def learn(self, settled):
        pass


def study(fulcrum, name, work):
    runs_file = work / f"{name}-runs.json"
    runs = json.loads(runs_file.read_text(encoding="utf-8")) if runs_file.exists() else {}
    for seed in range(1, SEEDS + 1):
        done = runs.setdefault(str(seed), {})
        world, visits = export(fulcrum, name, seed, work)
        missing = [peer for peer in names_for(world) if peer not in done]
        oracle = oracle_of(world, visits) if missing else []
        for peer in missing:
            played = play(world, visits, oracle, make_peer(world, peer, seed), BATCH)
            done[peer] = [round(value, 2) for value in played.curve]
        runs_file.write_text(json.dumps(runs), encoding="utf-8")
        print(f"{name}: seed {seed}", flush=True)
    return runs


def summarise(name, runs):
    policies = {}
    for peer in [*COUNTING, *LINEAR]:
        if peer not in runs["1"]:
            continue
        curves = [run[peer] for run in runs.values()]
        final = [curve[-1] for curve in curves]
        policies[peer] = {
            "mean": round(statistics.fmean(final), 3),
            "se": round(statistics.stdev(final) / len(final) ** 0.5, 3),
            "low": min(final), "high": max(final),
            "curve": [round(statistics.fmean(at), 1) for at in zip(*curves)]}
    rows = ",\n".join(f"    {json.dumps(peer)}: {json.dumps(policies[peer])}" for peer in policies)
    return (f'{{\n  "world": "{name}",\n  "decisions": {DECISIONS},\n  "seeds": {len(runs)},\n'
            f'  "policies": {{\n{rows}\n  }}\n}}\n')


def truth_row(fulcrum, name, work):
    world, visits = export(fulcrum, name, TRUTH_SEED, work)
    visits = visits[:TRUTH_DECISIONS]
    oracle = oracle_of(world, visits)
    result = play(world, visits, oracle, InTurn(world), BATCH)
    return f"{name},{sum(oracle):.9f},{result.expected:.9f},{result.earned}\n"


def main():
    fulcrum, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    if sys.argv[3:] in ([], ["truth"]):
        rows = [truth_row(fulcrum, name, work) for name in WORLDS]
        (HERE / "truth.csv").write_text("world,oracle,expected,earned\n" + "".join(rows),
                                        encoding="utf-8")
    for name in [world for world in sys.argv[3:] or WORLDS if world != "truth"]:
        runs = study(fulcrum, name, work)
        (HERE / f"{name}.json").write_text(summarise(name, runs), encoding="utf-8")
        (work / f"{name}-runs.json").unlink()


if __name__ == "__main__":
    main()
