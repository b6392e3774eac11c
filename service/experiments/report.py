"""What an experiment showed, as `fewrec experiment report --output json` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ranking.experiments.config import ExperimentSettings
from retrieval.record.exposures import Exposures
from retrieval.record.types import Credit, UserExposure
from service.experiments.statistics import (
    FEWEST_PREFERENCES,
    Interval,
    Tally,
    difference,
    lacking,
    mismatch,
    p_of,
    preference,
    rate_of,
)
from service.wire import Wire

Measure: TypeAlias = Literal["click", "like"]
MEASURES: tuple[Measure, ...] = ("click", "like")
_MISMATCH = 0.001


class IntervalOut(Wire):
    """A number with its 95% interval."""

    value: float
    low: float
    high: float


class ArmOut(Wire):
    """An arm of an experiment that gives each user one arm."""

    arm: str
    share: float | None
    """Of the users, by the settings; null where these do not name the arm any more."""
    users: int
    lists: int
    degraded: int
    """Lists for which not all was done that the settings ask for; they count like the others."""
    click: IntervalOut | None
    """Share of lists of which at least one item was clicked; null without lists."""
    like: IntervalOut | None
    """The same of liked or bought."""


class DifferenceOut(Wire):
    """An arm against the first one."""

    measure: Measure
    arm: str
    against: str
    difference: IntervalOut | None
    p: float | None
    """Two-sided, of this comparison alone; null where there is not enough data."""
    not_enough_data: str | None
    """What is missing; null where nothing is."""


class TeamsOut(Wire):
    """Two arms that made lists together."""

    measure: Measure
    arms: list[str]
    credits: list[int]
    """Items of each arm that were taken."""
    users: list[int]
    """Users who took more items of this arm than of the other one."""
    share: IntervalOut | None
    """Of the first arm, among these users."""
    p: float | None
    """Two-sided, of a sign test over these users; null where there is not enough data."""
    not_enough_data: str | None


class ExperimentOut(Wire):
    """One experiment."""

    experiment: str
    state: Literal["enabled", "disabled", "not in the settings"]
    lists: int
    users: int
    arms: list[ArmOut]
    differences: list[DifferenceOut]
    interleaved: list[TeamsOut]
    warnings: list[str]


def report_of(name: str, exposures: Exposures, settings: ExperimentSettings | None) -> ExperimentOut:
    """What the log holds of an experiment; `settings` is None where it is not among them any more."""
    rows = exposures.by_user(name)
    shares = {} if settings is None or settings.mode == "interleave" else settings.shares
    split: dict[str, list[UserExposure]] = {arm: [] for arm in shares}
    together = [row for row in rows if row.arm is None]
    for row in rows:
        if row.arm is not None:
            split.setdefault(row.arm, []).append(row)
    state = "not in the settings" if settings is None else "enabled" if settings.enabled else "disabled"
    return ExperimentOut(
        experiment=name,
        state=state,
        lists=sum(row.n_lists for row in rows),
        users=len({row.user_id for row in rows}),
        arms=[_arm(arm, shares.get(arm), of_arm) for arm, of_arm in split.items()],
        differences=[one for measure in MEASURES for one in _differences(measure, split)],
        interleaved=_interleaved(exposures.credits(name), settings) if together else [],
        warnings=_warnings(split, shares, exposures.variants(name)),
    )


def _tally(measure: Measure, rows: Sequence[UserExposure]) -> Tally:
    return Tally.of((row.n_clicked if measure == "click" else row.n_liked, row.n_lists) for row in rows)


def _arm(name: str, share: float | None, rows: Sequence[UserExposure]) -> ArmOut:
    return ArmOut(
        arm=name,
        share=share,
        users=len(rows),
        lists=sum(row.n_lists for row in rows),
        degraded=sum(row.n_degraded for row in rows),
        click=interval_out(rate_of(_tally("click", rows))),
        like=interval_out(rate_of(_tally("like", rows))),
    )


def _differences(measure: Measure, split: Mapping[str, Sequence[UserExposure]]) -> list[DifferenceOut]:
    found = []
    (control, of_control), *others = split.items() or [("", ())]
    base = _tally(measure, of_control)
    for arm, rows in others:
        tally = _tally(measure, rows)
        rates = rate_of(tally), rate_of(base)
        missing = [f"{name}: {why}" for name, why in ((control, lacking(base)), (arm, lacking(tally))) if why]
        found.append(
            DifferenceOut(
                measure=measure,
                arm=arm,
                against=control,
                difference=None
                if rates[0] is None or rates[1] is None
                else interval_out(difference(rates[0], rates[1])),
                p=None if missing else p_of(tally, base),
                not_enough_data="; ".join(missing) or None,
            )
        )
    return found


def _interleaved(taken: Sequence[Credit], settings: ExperimentSettings | None) -> list[TeamsOut]:
    named = [arm.name for arm in settings.arms] if settings is not None else []
    arms = [*named, *sorted({credit.team for credit in taken} - set(named))]
    if len(arms) != 2:
        return []
    return [_teams(measure, arms, [one for one in taken if one.liked == (measure == "like")]) for measure in MEASURES]


def _teams(measure: Measure, arms: list[str], taken: Sequence[Credit]) -> TeamsOut:
    balances: Counter[str] = Counter()
    for credit in taken:
        balances[credit.user_id] += 1 if credit.team == arms[0] else -1
    found = preference(balances.values())
    n = found.won + found.lost
    return TeamsOut(
        measure=measure,
        arms=arms,
        credits=[sum(credit.team == arm for credit in taken) for arm in arms],
        users=[found.won, found.lost],
        share=interval_out(found.share),
        p=found.p,
        not_enough_data=None
        if found.p is not None
        else f"{n} users with a preference, of {FEWEST_PREFERENCES} that it takes",
    )


def _warnings(
    split: Mapping[str, Sequence[UserExposure]], shares: Mapping[str, float], variants: Mapping[str | None, int]
) -> list[str]:
    found = [
        f"{arm} ranked in {n} different ways (template, model or adapter) while it ran: its numbers are of a mixture"
        for arm, n in variants.items()
        if arm is not None and n > 1
    ]
    if set(split) != set(shares):
        return found
    p = mismatch([len(rows) for rows in split.values()], [shares[arm] for arm in split])
    if p is not None and p < _MISMATCH:
        found.append(
            f"users did not come to the arms in their shares (p = {p:.2g}): something else than chance decided who is "
            "counted (shares or arms that changed on the way, or clients that lose lists), so trust no difference"
        )
    return found


def interval_out(interval: Interval | None) -> IntervalOut | None:
    """The wire shape."""
    if interval is None:
        return None
    return IntervalOut(value=interval.value, low=interval.low, high=interval.high)
