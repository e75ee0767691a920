"""A world's truth and visits, from what `fulcrum simulate --export` writes: the rates, the oracle and
the settling of rewards, written anew."""

import csv
import json
import math
from dataclasses import dataclass


@dataclass
class Visit:
    time: float  # seconds since the world's start
    user: int
    cell: int
    x: float
    shown: bool
    luck: list
    delay: list


class World:
    def __init__(self, directory):
        with open(directory / "truth.json", encoding="utf-8") as file:
            truth = json.load(file)
        self.name = truth["world"]
        self.cells = truth["cells"]
        self.linear = truth["linear"]
        self.positions = truth["positions"]
        self.fatigue = truth["fatigue"]
        self.period = truth["period_s"]
        self.window = truth["timing"]["attribution_window_s"]
        self.arms = list(truth["outcome_delay_s"])  # the neutral action last
        self.neutral = len(self.arms) - 1
        self.delays = list(truth["outcome_delay_s"].values())
        self.in_time = [1 - math.exp(-self.window / delay) for delay in self.delays]
        self.base = [[cell["conversion"][arm] for arm in self.arms] for cell in self.cells]
        self.changes = [(change["from_s"],
                         [[rates[arm] for arm in self.arms] for rates in change["conversion"]])
                        for change in truth["changes"]]

    def rates(self, visit):
        """P(conversion, ever) by arm, at the first position and for a user who knows no arm."""
        clock = visit.time % self.period if self.period else visit.time
        rates = self.base
        for start, changed in self.changes:
            if start <= clock:
                rates = changed
        return rates[visit.cell]


def read_visits(path):
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            places = range(1, 1 + sum(key.startswith("luck_") for key in row))
            yield Visit(float(row["time_s"]), int(row["user"]), int(row["cell"]), float(row["x"]),
                        row["shown"] == "1", [float(row[f"luck_{i}"]) for i in places],
                        [float(row[f"delay_{i}"]) for i in places])


class Tired:
    """How often each user has been shown each arm, by one policy."""

    def __init__(self, world):
        self.world = world
        self.seen = {}

    def factor(self, user, arm):
        if self.world.fatigue == 1 or arm == self.world.neutral:
            return 1.0
        return self.world.fatigue ** self.seen.get((user, arm), 0)

    def show(self, user, slate):
        for arm in slate:
            self.seen[(user, arm)] = self.seen.get((user, arm), 0) + 1


def value_of(world, visit, tired, slate):
    rates = world.rates(visit)
    return sum(rates[arm] * world.in_time[arm] * tired.factor(visit.user, arm) * place
               for arm, place in zip(slate, world.positions))


def best_of(world, visit, tired):
    """The slate that is worth most at the visit."""
    order = sorted(range(world.neutral),
                   key=lambda arm: -value_of(world, visit, tired, [arm]))[:len(world.positions)]
    slates = [order] + [order[:kept] + [world.neutral] for kept in range(len(order))]
    return max(slates, key=lambda slate: value_of(world, visit, tired, slate))


def oracle_of(world, visits):
    """What the oracle expects of each visit; 0 where nothing is shown. It has shown what it has shown,
    whatever the policy that is judged does."""
    tired, values = Tired(world), []
    for visit in visits:
        best = best_of(world, visit, tired) if visit.shown else []
        values.append(value_of(world, visit, tired, best))
        tired.show(visit.user, best)
    return values


@dataclass
class Result:
    expected: float = 0
    earned: int = 0
    curve: list = None  # of the regret so far


def play(world, visits, oracle, policy, batch, points=100):
    """Regret of a policy: `choose(visits)` gives slates, `learn([(visit, arm, reward)])` is told what
    has settled: what was shown, once its attribution window is over. The policy is told and asked in
    batches, so what it knows is up to `batch` visits old."""
    result = Result(curve=[])
    tired = Tired(world)
    waiting, told = [], 0
    best = 0
    for start in range(0, len(visits), batch):
        group = visits[start:start + batch]
        now = group[0].time
        first = told
        while told < len(waiting) and waiting[told][0].time + world.window < now:
            told += 1
        policy.learn(waiting[first:told])
        for offset, (visit, slate) in enumerate(zip(group, policy.choose(group))):
            if visit.shown:
                result.expected += value_of(world, visit, tired, slate)
                for place, arm in enumerate(slate):
                    reward = settle(world, visit, tired, place, arm)
                    result.earned += reward
                    waiting.append((visit, arm, reward))
                tired.show(visit.user, slate)
            done = start + offset + 1
            best += oracle[done - 1]
            if done * points // len(visits) > (done - 1) * points // len(visits):
                result.curve.append(best - result.expected)
    return result


def settle(world, visit, tired, place, arm):
    rate = world.rates(visit)[arm] * world.positions[place] * tired.factor(visit.user, arm)
    return int(visit.luck[place] < rate and
               visit.delay[place] * world.delays[arm] <= world.window)
