"""What the log knows of experiments, on both databases, and that it does not grow without end."""

from __future__ import annotations

import pytest

from retrieval.record import Record
from retrieval.record.prompts import FORGOTTEN_AT_ONCE
from retrieval.record.types import Credit, Feedback, FeedbackKind, ShownList, UserExposure
from tests.retrieval.records import fill


@pytest.fixture
def filled(record: Record) -> Record:
    fill(record, users=3, items=6)
    return record


def show(
    record: Record,
    request_id: str,
    user_id: str | None,
    arm: str | None,
    *,
    rung: str = "full",
    teams: tuple[str, ...] | None = None,
    experiment: str | None = "e",
    model: str = "m",
    asked_at: float = 1.0,
) -> None:
    record.shown().log(
        ShownList(
            request_id=request_id,
            user_id=user_id,
            door="recommend",
            asked_at=asked_at,
            item_ids=("i0", "i1"),
            ranked_by="llm",
            model=model,
            rung=rung,
            experiment=experiment,
            arm=arm,
            teams=teams,
        )
    )


def give(record: Record, feedback_id: str, request_id: str, user_id: str, item_id: str, kind: FeedbackKind) -> None:
    record.feedback().give(
        Feedback(
            feedback_id=feedback_id,
            user_id=user_id,
            item_id=item_id,
            kind=kind,
            timestamp=50.0,
            request_id=request_id,
        )
    )


def test_a_list_counts_once_however_much_it_led_to(filled: Record) -> None:
    show(filled, "1", "u0", "a")
    show(filled, "2", "u0", "a", rung="retrieval")
    show(filled, "3", "u1", "b", model="other")
    show(filled, "4", "u1", "b")
    show(filled, "5", "u2", "b", experiment="other")
    show(filled, "6", None, None, experiment=None)
    for feedback_id, item_id, kind in (
        ("1", "i0", "click"),
        ("2", "i1", "click"),
        ("3", "i0", "buy"),
        ("4", "i0", "view"),
    ):
        give(filled, feedback_id, "1", "u0", item_id, kind)  # type: ignore[arg-type]
    exposures = filled.shown().exposures()
    assert exposures.by_user("e") == [
        UserExposure(arm="a", user_id="u0", n_lists=2, n_clicked=1, n_liked=1, n_degraded=1),
        UserExposure(arm="b", user_id="u1", n_lists=2, n_clicked=0, n_liked=0, n_degraded=0),
    ]
    assert exposures.experiments() == ("e", "other")
    assert exposures.variants("e") == {"a": 1, "b": 2}
    assert exposures.by_user("unknown") == []
    filled.personal().delete(["u0"])
    assert [one.user_id for one in exposures.by_user("e")] == ["u1"], "an erased user is in no count"


def test_what_is_taken_from_an_interleaved_list_is_credit_to_the_team_that_picked_it(filled: Record) -> None:
    show(filled, "1", "u0", None, teams=("a", "b"))
    show(filled, "2", "u1", None, teams=("b", "a"))
    for feedback_id, request_id, user_id, item_id, kind in (
        ("1", "1", "u0", "i0", "click"),
        ("2", "1", "u0", "i0", "click"),
        ("3", "1", "u0", "i1", "like"),
        ("4", "2", "u1", "i0", "click"),
        ("5", "2", "u1", "i1", "dislike"),
    ):
        give(filled, feedback_id, request_id, user_id, item_id, kind)  # type: ignore[arg-type]
    assert filled.shown().exposures().credits("e") == [
        Credit(user_id="u0", team="a", liked=False),
        Credit(user_id="u0", team="b", liked=True),
        Credit(user_id="u1", team="b", liked=False),
    ]
    kept = filled.shown().get("2")
    assert kept is not None
    assert (kept.experiment, kept.arm, kept.teams, kept.rung) == ("e", None, ("b", "a"), "full")


def test_old_lists_are_forgotten_a_few_at_a_time_and_feedback_on_them_stays(filled: Record) -> None:
    for n in range(FORGOTTEN_AT_ONCE + 2):
        show(filled, f"r{n}", "u0", "a", asked_at=float(n))
    give(filled, "f", "r0", "u0", "i0", "click")
    assert filled.shown().forget(before=float(FORGOTTEN_AT_ONCE + 1)) == FORGOTTEN_AT_ONCE + 1
    assert [one.request_id for one in filled.shown().of_user("u0")] == [f"r{FORGOTTEN_AT_ONCE + 1}"]
    assert filled.shown().forget(before=float(FORGOTTEN_AT_ONCE + 1)) == 0
    assert len(filled.feedback().of_user("u0")) == 1
