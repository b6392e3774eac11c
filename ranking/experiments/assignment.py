"""Who sees which arm: computed from names, nothing is stored."""

from __future__ import annotations

import math

from ranking.draws import Draw
from ranking.experiments.config import ExperimentSettings


def arm_of(experiment: ExperimentSettings, user_id: str) -> str:
    """The name of the user's arm: the same whenever and wherever it is asked for.

    Weighted rendezvous hashing: every arm draws u uniformly from (0, 1] by (seed, experiment, arm, user), and the
    smallest -ln(u) / share wins. These are exponential variables of rate `share`, so an arm wins with the probability
    of its share; and an arm's draw knows nothing of the other arms, so an arm that is added (the others giving up
    share in proportion) takes users over and moves nobody between the others, and one that is removed moves its own
    users only. Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on
    Networking 6(1), 1998; the weights: Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005.
    """
    return min(experiment.shares.items(), key=lambda arm: _delay(experiment, arm[0], user_id) / arm[1])[0]


def _delay(experiment: ExperimentSettings, arm: str, user_id: str) -> float:
    # Names hold no "|", so no two experiments and arms have a purpose in common.
    draw = Draw(seed=experiment.seed, purpose=f"experiment {experiment.name}|arm {arm}", key=user_id)
    return -math.log(1 - draw.fraction())
