"""MABWiser's policies, as they are asked on a world's visits.

Without context a policy is one MAB per segment, as Fulcrum's Beta posteriors are; with context it is one
MAB on [1, segment, x], as its linear posteriors are. Slates take the largest expectations of one
`predict_expectations`, down to the neutral action, which nothing follows.
"""

import numpy as np
from mabwiser.mab import MAB, LearningPolicy

NOISE_SD, PRIOR_SD = 0.4, 0.5  # of the linear posteriors in the world's bundle
MATCHED = {"alpha": NOISE_SD, "l2_lambda": (NOISE_SD / PRIOR_SD) ** 2}

COUNTING = {
    "mabwiser ThompsonSampling": lambda: LearningPolicy.ThompsonSampling(),
    "mabwiser UCB1(0.1)": lambda: LearningPolicy.UCB1(alpha=0.1),
    "mabwiser EpsilonGreedy(0.05)": lambda: LearningPolicy.EpsilonGreedy(epsilon=0.05),
}
APART = "mabwiser LinTS(0.4), drawn apart"
LINEAR = {
    "mabwiser LinTS(0.4)": lambda: LearningPolicy.LinTS(**MATCHED),
    APART: lambda: LearningPolicy.LinTS(**MATCHED),
    "mabwiser LinUCB(0.4)": lambda: LearningPolicy.LinUCB(**MATCHED),
    "mabwiser LinGreedy(0.05)": lambda: LearningPolicy.LinGreedy(epsilon=0.05,
                                                                 l2_lambda=MATCHED["l2_lambda"]),
}
UNSEEN = -1  # an arm that only makes `fit` possible before anything is known; removed at once


def names_for(world):
    return LINEAR if world.linear else COUNTING


class Counting:
    """One MAB per segment. Policies without a prior first show the arms in turn, until each has a
    settled result."""

    def __init__(self, world, make, seed):
        self.world = world
        self.arms = list(range(world.neutral + 1))
        self.mabs, self.turns, self.known = {}, {}, {}
        for cell in range(len(world.cells)):
            policy = make()
            mab = MAB(self.arms + [UNSEEN], policy, seed=1000 * seed + cell)
            mab.fit([UNSEEN], [0])
            mab.remove_arm(UNSEEN)
            self.mabs[cell] = mab
            has_prior = isinstance(policy, LearningPolicy.ThompsonSampling)
            self.known[cell] = set(self.arms) if has_prior else set()
            self.turns[cell] = 0

    def choose(self, visits):
        return [self.slate(visit) for visit in visits]

    def slate(self, visit):
        size = len(self.world.positions)
        if len(self.known[visit.cell]) < len(self.arms):
            return self.in_turn(visit.cell, size)
        mab = self.mabs[visit.cell]
        if size == 1:
            return [mab.predict()]
        expected = mab.predict_expectations()
        best = sorted(self.arms, key=lambda arm: -expected[arm])[:size]
        return self.until_neutral(best)

    def in_turn(self, cell, size):
        first = self.turns[cell]
        self.turns[cell] += size
        return self.until_neutral([(first + i) % len(self.arms) for i in range(size)])

    def until_neutral(self, slate):
        if self.world.neutral not in slate:
            return slate
        return slate[:slate.index(self.world.neutral) + 1]

    def learn(self, settled):
        for cell, mab in self.mabs.items():
            rows = [(arm, reward) for visit, arm, reward in settled if visit.cell == cell]
            if not rows:
                continue
            arms, rewards = zip(*rows)
            mab.partial_fit(list(arms), list(rewards))
            self.known[cell].update(arms)


class Linear:
    """One MAB on [1, segment, x]. Its prior makes a turn of all arms unnecessary."""

    def __init__(self, world, make, seed):
        self.first = world.cells[0]["segment"]
        self.cells = world.cells
        self.mab = MAB(list(range(world.neutral + 1)), make(), seed=seed)
        self.fitted = False
        self.random = np.random.default_rng(seed)

    def context(self, visit):
        return [1.0, float(self.cells[visit.cell]["segment"] != self.first), visit.x]

    def choose(self, visits):
        if not self.fitted:  # all arms look alike
            return [[int(self.random.choice(self.mab.arms))] for _ in visits]
        arms = self.mab.predict([self.context(visit) for visit in visits])
        return [[arm] for arm in (arms if isinstance(arms, list) else [arms])]

    def learn(self, settled):
        if not settled:
            return
        self.mab.partial_fit([arm for _, arm, _ in settled], [reward for _, _, reward in settled],
                             [self.context(visit) for visit, _, _ in settled])
        self.fitted = True


class Apart(Linear):
    """Each arm of MABWiser's LinTS has a copy of one random generator in the same state, so all arms
    draw the same normals. Here they draw one after the other from one generator, as the method says."""

    def learn(self, settled):
        super().learn(settled)
        if self.fitted:
            for model in self.mab._imp.arm_to_model.values():
                model.rng = self.mab._imp.rng


def make_peer(world, name, seed):
    kind = Apart if name == APART else Linear if world.linear else Counting
    return kind(world, names_for(world)[name], seed)
