"""Settings of experiments: which arms there are, and who sees them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from retrieval.config import Section

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
"""Of an experiment or an arm: lower-case letters, digits, dots and dashes, at most 63."""


class ArmSettings(Section):
    """One way to rank, as what it changes."""

    name: Name
    share: float | None = Field(default=None, gt=0, le=1)
    """Of the users; left out in all arms they have equal shares."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings that replace the service's own, such as {examples: {shots: 2}}; none is the service as it is. What an
    arm may change: see ranking/experiments/arms.py."""


class ExperimentSettings(Section):
    """A comparison of ways to rank, on users who are there anyway."""

    name: Name
    enabled: bool = True
    """One that is not enabled is only reported; one at most is."""
    mode: Literal["split", "interleave"] = "split"
    """split: a user sees one arm. interleave: a user sees lists that both arms pick from in turn."""
    seed: int = Field(default=0, ge=0)
    """Another one assigns users anew."""
    arms: tuple[ArmSettings, ...] = Field(min_length=2, max_length=20)
    """The others are compared with the first one."""

    @property
    def shares(self) -> dict[str, float]:
        """By the name of the arm; they sum to 1."""
        return {arm.name: arm.share or 1 / len(self.arms) for arm in self.arms}

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        if twice := _repeated(arm.name for arm in self.arms):
            raise ValueError(f"experiment {self.name!r} has two arms named {twice!r}")
        return self

    @model_validator(mode="after")
    def _shares_make_a_whole(self) -> Self:
        given = [arm.share for arm in self.arms if arm.share is not None]
        if self.mode == "interleave" and (given or len(self.arms) != 2):
            raise ValueError(
                f"experiment {self.name!r} interleaves: it must have two arms, and no shares since everybody sees both"
            )
        if given and len(given) != len(self.arms):
            raise ValueError(f"experiment {self.name!r}: give all arms a share, or none")
        if given and not math.isclose(sum(given), 1, abs_tol=1e-6):
            raise ValueError(f"the shares of experiment {self.name!r} sum to {sum(given):g}, not to 1")
        return self


def check_together(experiments: tuple[ExperimentSettings, ...]) -> tuple[ExperimentSettings, ...]:
    """The experiments. Raises ValueError where two have the same name or more than one is enabled."""
    if twice := _repeated(one.name for one in experiments):
        raise ValueError(f"two experiments are named {twice!r}")
    enabled = [one.name for one in experiments if one.enabled]
    if len(enabled) > 1:
        raise ValueError(
            f"experiments {', '.join(map(repr, enabled))} are enabled: a list is part of one experiment at most, so "
            "set enabled: false for the others"
        )
    return experiments


def _repeated(names: Iterable[str]) -> str | None:
    """The first name that is there twice."""
    return next((name for name, n in Counter(names).items() if n > 1), None)
