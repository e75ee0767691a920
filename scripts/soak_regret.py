"""The soak part "regret": a study of one world beside the peers' one. Draws what can be told apart, prints
the figures of all, and fails if Thompson sampling loses more than the peer's with the same priors.

Usage: soak_regret.py FULCRUM STUDY PEERS PLOT
"""

import json
import math
import subprocess
import sys

# With the service's default floor, and each policy as it is.
DRAWN = ["thompson", "thompson@0", "greedy@0", "softmax:0.02@0", "upper_bound:1@0",
         "epsilon_greedy:0.05@0", "uniform"]
SAME = ["mabwiser ThompsonSampling", "mabwiser LinTS(0.4), drawn apart"]  # one of the two, as the world is
ERRORS = 4


def main():
    fulcrum, study_file, peers_file, plot = sys.argv[1:]
    with open(study_file, encoding="utf-8") as file:
        study = json.load(file)
    with open(peers_file, encoding="utf-8") as file:
        peers = json.load(file)["policies"]
    drawn = [argument for name in DRAWN + list(peers) for argument in ("--policy", name)]
    subprocess.run([fulcrum, "simulate", "--study", study_file, "--study", peers_file, "--plot", plot,
                    *drawn], check=True)
    for name, policy in {**study["policies"], **peers}.items():
        print(f"figure: regret {study['world']} {name} = {policy['mean']:.1f}")
    ours = study["policies"]["thompson@0"]
    theirs = peers[next(name for name in SAME if name in peers)]
    more = ours["mean"] - theirs["mean"]
    return more > ERRORS * math.hypot(ours["se"], theirs["se"])


if __name__ == "__main__":
    sys.exit(main())
