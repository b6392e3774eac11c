"""Shares are kept, users stay where they are, and what is done to one arm moves nobody between the others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ranking.experiments.assignment import arm_of
from ranking.experiments.config import ArmSettings, ExperimentSettings

USERS = [f"user-{n}" for n in range(4000)]
weights = st.lists(st.integers(1, 9), min_size=2, max_size=5)


def experiment(weights: list[int], *, seed: int = 0, name: str = "e") -> ExperimentSettings:
    arms = tuple(ArmSettings(name=f"arm-{n}", share=weight / sum(weights)) for n, weight in enumerate(weights))
    return ExperimentSettings(name=name, seed=seed, arms=arms)


def test_every_arm_has_its_share() -> None:
    counts = Counter(arm_of(experiment([1, 3, 6]), user) for user in USERS)
    # Four standard deviations of a binomial count.
    for arm, share in {"arm-0": 0.1, "arm-1": 0.3, "arm-2": 0.6}.items():
        assert abs(counts[arm] - share * len(USERS)) < 4 * (len(USERS) * share * (1 - share)) ** 0.5


def test_assignments_are_the_same_on_every_machine_and_version() -> None:
    assert [arm_of(experiment([1, 1]), user) for user in ("ann", "bob", "安", "")] == [
        "arm-0",
        "arm-0",
        "arm-1",
        "arm-0",
    ]


def test_other_experiments_and_seeds_assign_independently() -> None:
    first = [arm_of(experiment([1, 1]), user) for user in USERS]
    for other in (experiment([1, 1], seed=1), experiment([1, 1], name="f")):
        same = sum(arm == arm_of(other, user) for arm, user in zip(first, USERS, strict=True))
        assert abs(same - len(USERS) / 2) < 4 * (len(USERS) / 4) ** 0.5


@given(weights, st.integers(1, 9), st.text(), st.integers(0, 9))
def test_an_added_arm_takes_users_and_moves_nobody_between_the_others(
    weights: list[int], added: int, user: str, seed: int
) -> None:
    before = arm_of(experiment(weights, seed=seed), user)
    after = arm_of(experiment([*weights, added], seed=seed), user)
    assert after in {before, f"arm-{len(weights)}"}


@given(weights, st.text(), st.data())
def test_a_larger_share_loses_nobody_and_the_order_of_the_arms_is_nothing(
    weights: list[int], user: str, data: st.DataObject
) -> None:
    grown = data.draw(st.integers(0, len(weights) - 1))
    before = experiment(weights)
    larger = experiment([weight + 5 * (place == grown) for place, weight in enumerate(weights)])
    assert arm_of(larger, user) in {arm_of(before, user), f"arm-{grown}"}
    backwards = before.model_copy(update={"arms": before.arms[::-1]})
    assert arm_of(backwards, user) == arm_of(before, user)
