"""`fewrec campaigns`, from a file with good and bad rows to the report."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ranking.ads.config import AdSettings
from ranking.ads.holdout import is_held_out
from retrieval.campaigns import SECONDS_A_DAY, day_of
from retrieval.conditions import condition_text, parse_filter
from retrieval.errors import InputError
from retrieval.filters import Equals, Filter, In, Range
from retrieval.record import Record
from retrieval.record.ads.types import Span
from retrieval.record.types import ShownList
from retrieval.types import Interaction, Item, User
from service.campaigns.report import report_of
from service.cli.main import app
from tests.retrieval.ad_records import campaign, offer

HEAD = "campaign_id,item_id,bid,daily_budget,currency,starts_at,ends_at,targeting,cap_per_day,creative,paused\n"
GOOD = 'spring,i0,0.25,10,EUR,2026-03-01,2026-06-01T00:00:00Z,age>=18; country=DE|AT,3,"Now, or never",false\n'
BAD = {
    "neg,i0,-1,10,EUR,,,,,,": "bid: Input should be greater than 0",
    "huge,i0,1e12,1e13,EUR,,,,,,": "bid: Input should be less than or equal to",
    "fine,i0,0.0000001,10,EUR,,,,,,": "no more than 6 decimal places",
    "nan,i0,nan,10,EUR,,,,,,": "bid: Input should be a finite number",
    "poor,i0,5,1,EUR,,,,,,": "the daily budget is less than the bid",
    "back,i0,1,10,EUR,2026-06-01,2026-03-01,,,,": "it ends before it starts",
    "never,i0,1,10,EUR,,,age>=30;age<=20,,,": "its targeting reaches nobody: age",
    "words,i0,1,10,EUR,,,grown up,,,": "is not a condition",
    "gone,i9,1,10,EUR,,,,,,": "no item 'i9' in the store",
    "when,i0,1,10,EUR,soon,,,,,": "starts_at 'soon' is neither",
    "cur,i0,1,10,euro,,,,,,": "currency",
    ",i0,1,10,EUR,,,,,,": "campaign_id: Field required",
    "cap,i0,1,10,EUR,,,,0,,": "cap_per_day",
    "short,i0,1": "3 cells in place of 11",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    record = Record.open(str(tmp_path / "record.db"))
    record.put_items([Item(item_id="i0", title="Film"), Item(item_id="i1", title="Other")])
    record.put_users([User(user_id=f"u{n}") for n in range(200)])
    record.close()
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "campaigns", *arguments])


def import_(home: Path, text: str, *options: str) -> Result:
    (home / "campaigns.csv").write_text(text, encoding="utf-8")
    return run(home, "import", str(home / "campaigns.csv"), *options)


def test_rows_that_cannot_run_are_told_with_their_line_and_the_others_are_kept(home: Path) -> None:
    lines = list(BAD)
    text = HEAD + "".join(f"{line}\n" for line in lines) + GOOD
    done = import_(home, text, "--output", "json")
    assert done.exit_code == 7, done.output
    told = json.loads(done.stdout)
    assert (told["read"], told["inserted"], told["rejected"]) == (len(BAD) + 1, 1, len(BAD))
    reasons = {reject["line"]: reject["reason"] for reject in told["rejects"]}
    assert sorted(reasons) == list(range(2, len(BAD) + 2))
    for line, row in enumerate(lines, start=2):
        assert BAD[row] in reasons[line], row
    shown = json.loads(run(home, "show", "spring").stdout)
    assert shown == {
        "campaign_id": "spring",
        "item_id": "i0",
        "bid": "0.25",
        "daily_budget": "10",
        "currency": "EUR",
        "starts_at": 1772323200.0,
        "ends_at": 1780272000.0,
        "targeting": ["age>=18", "country=DE|AT"],
        "cap_per_day": 3,
        "creative": "Now, or never",
        "paused": False,
    }
    again = import_(home, HEAD + GOOD)
    assert again.exit_code == 0
    assert "unchanged" in again.output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("campaign_id,item_id,bid,budget,currency\nc,i0,1,1,EUR\n", "no column 'budget'"),
        ("campaign_id,item_id,bid,currency\nc,i0,1,EUR\n", "has no column 'daily_budget'"),
    ],
)
def test_a_file_without_the_right_columns_is_refused_whole(home: Path, text: str, says: str) -> None:
    done = import_(home, text)
    assert (done.exit_code, says in done.output) == (5, True), done.output


def test_campaigns_are_paused_go_on_and_are_removed(home: Path) -> None:
    assert import_(home, HEAD + GOOD).exit_code == 0
    assert run(home, "pause", "spring").exit_code == 0
    assert "paused" in run(home, "list").stdout
    assert run(home, "resume", "spring").exit_code == 0
    assert not json.loads(run(home, "list", "--output", "json").stdout)[0]["paused"]
    assert run(home, "remove", "spring").exit_code == 0
    for command in ("show", "pause", "resume", "remove"):
        gone = run(home, command, "spring")
        assert (gone.exit_code, "no campaign 'spring'" in gone.output) == (4, True)


def test_the_report_tells_money_and_lift(home: Path) -> None:
    now = time.time()
    record = Record.open(str(home / "record.db"))
    record.ads().campaigns.put([campaign(bid=250_000, daily_budget=300_000)])
    for request_id in ("a", "b"):
        record.ads().charges.book(
            request_id, "u0", [offer(price=200_000)], places=[1], pays="click", now=now - SECONDS_A_DAY
        )
    for request_id in ("a", "b"):
        record.ads().charges.click(request_id, "i0", now=now - SECONDS_A_DAY)
    ads = AdSettings(holdout=0.3)
    users = [f"u{n}" for n in range(200)]
    held = [user for user in users if is_held_out(ads, user)]
    for user in users:
        record.shown().log(_list(user, now))
    taking = [*[user for user in users if user not in held][:40], *held[:2]]
    record.put_interactions([Interaction(user_id=user, item_id="i0", timestamp=now - 1) for user in taking])
    record.put_interactions([Interaction(user_id="u199", item_id="i1", timestamp=now - 1)])
    told = report_of(record.ads(), ads, Span(first=day_of(now) - 2, last=day_of(now)), None)
    record.close()
    [done] = told.campaigns
    assert (done.shown, done.clicked, done.charged, done.uncharged) == (2, 2, "0.2", 1)
    assert (told.lift.shown.took, told.lift.held_out.took) == (40, 2)
    assert (told.lift.shown.users, told.lift.held_out.users) == (200 - len(held), len(held))
    assert told.lift.difference is not None
    assert told.lift.difference.low > 0
    printed = run(home, "report")
    assert "0.2 EUR" in printed.stdout
    assert "difference" in printed.stdout
    assert run(home, "report", "--scenario", "news").exit_code == 2


def test_a_lift_of_a_few_users_is_not_told(home: Path) -> None:
    record = Record.open(str(home / "record.db"))
    record.shown().log(_list("u0", time.time()))
    today = day_of(time.time())
    told = report_of(record.ads(), AdSettings(), Span(first=today, last=today), None)
    record.close()
    assert told.lift.difference is None
    assert told.lift.shown.users + told.lift.held_out.users == 1


def test_the_lift_counts_days_whose_lists_are_kept(home: Path) -> None:
    now = time.time()
    today = day_of(now)
    record = Record.open(str(home / "record.db"))
    record.ads().campaigns.put([campaign()])
    record.shown().log(_list("u0", now - 100 * SECONDS_A_DAY))
    for user in ("u1", "u2"):
        record.shown().log(_list(user, now))
    for user, days_ago in (("u1", 100), ("u2", 1)):
        taken = Interaction(user_id=user, item_id="i0", timestamp=now - days_ago * SECONDS_A_DAY)
        record.put_interactions([taken])
    ads, year = AdSettings(holdout=0), Span(first=today - 364, last=today)
    forgetting = report_of(record.ads(), ads, year, today - 89).lift
    keeping = report_of(record.ads(), ads, year, None).lift
    record.close()
    assert (forgetting.first, forgetting.shown.users, forgetting.shown.took) == (today - 89, 2, 1)
    assert (keeping.first, keeping.shown.users, keeping.shown.took) == (today - 364, 3, 2)
    printed = " ".join(run(home, "report", "--days", "365").stdout.split())
    assert "of the last 90 days alone, as older lists are not kept" in printed
    assert "1 of 2 users" in printed
    assert "alone" not in run(home, "report", "--days", "90").stdout


TEXTS = st.text(alphabet="ab1.|' \"=<>!e", min_size=1, max_size=6)
VALUES = st.one_of(TEXTS, st.booleans(), st.floats(allow_nan=False, allow_infinity=False).map(float))


@given(st.text(alphabet="abc_", min_size=1, max_size=4), VALUES, VALUES, st.booleans())
def test_a_condition_that_can_be_read_is_written_as_it_is_read(name: str, one: object, other: object, no: bool) -> None:
    equals: list[Filter] = [Equals(attribute=name, value=one), In(attribute=name, values=(one, other))]  # type: ignore[arg-type]
    numbers = sorted(value for value in (one, other) if isinstance(value, float))
    if numbers:
        low, high = numbers[0], numbers[-1]
        equals += [Range(attribute=name, low=low), Range(attribute=name, high=high)]
        equals += [Range(attribute=name, low=low, high=high)]
    for condition in equals:
        text = condition_text(condition)
        try:
            read = parse_filter(text)
        except InputError:
            continue
        if read == condition:  # what no text stands for is not asked for: conditions come from texts
            assert condition_text(read) == text
            if no and not isinstance(condition, Range):
                negated = parse_filter(f"{name}!={text.partition('=')[2]}")
                assert parse_filter(condition_text(negated)) == negated


def _list(user_id: str, now: float) -> ShownList:
    return ShownList(
        request_id=f"r-{user_id}",
        user_id=user_id,
        door="recommend",
        asked_at=now,
        item_ids=(),
        ranked_by="signals",
        rung="full",
        strategy=None,
        template=None,
        prompt_digest=None,
        model=None,
        adapter=None,
        experiment=None,
        arm=None,
        teams=None,
    )
