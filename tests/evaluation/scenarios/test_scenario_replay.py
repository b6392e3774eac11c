"""Lists replayed with and without each part of a scenario."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evaluation.scenarios.command import run
from evaluation.scenarios.filling import Plan, filled
from evaluation.scenarios.replay import Told, n_repeats
from evaluation.scenarios.table import COLUMNS, table_of
from evaluation.scenarios.ways import PLAIN, SHIPPED, WAYS, Way, ways_of
from ranking.scenarios.files import list_scenarios
from ranking.settings import load_settings
from retrieval.record import Record
from retrieval.types import Item
from tests.fakes import HashingEmbedder

PLAN = Plan(data="sample", data_dir=None, scenarios=("news",), held_out=8, users=5, fresh_days=30.0, seed=0)


def item(title: str, description: str | None = None, **attributes: str | float) -> Item:
    return Item(item_id=title, title=title, description=description, attributes=attributes)


def test_every_way_is_of_a_shipped_scenario_and_differs_from_it(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    known, seen = list_scenarios(tmp_path), set()
    for way in WAYS:
        assert way.scenario in known
        assert (way.name == SHIPPED) == (way.scenario not in seen), "the shipped one comes first"
        seen.add(way.scenario)
        shipped = Way(scenario=way.scenario, name=SHIPPED).settings(settings)
        assert (way.settings(settings) == shipped) == (way.name == SHIPPED)
    assert PLAIN.settings(settings) == settings
    assert {way.scenario for way in ways_of(["home"])} == {None, "home"}


def test_repeats_are_versions_of_one_thing() -> None:
    assert (
        n_repeats([item("Signals", artist="A"), item("Signals (Live)", artist="A"), item("SIGNALS - II", artist="A")])
        == 2
    )
    assert n_repeats([item("Signals", artist="A"), item("Signals", artist="B")]) == 0
    assert n_repeats([item("Sabrina", year=1954.0), item("Sabrina", year=1995.0)]) == 0
    told = item("A comet", "Early risers saw a comet. It is green.")
    assert n_repeats([told, item("Seen", "Look up. Early risers saw a comet.")]) == 1
    assert n_repeats([told, item("Grass", "Seagrass came back. It is green.")]) == 0, "too short to mean anything"


def test_lists_are_asked_for_at_the_moment_of_what_is_held_out(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    asked = filled(PLAN, settings)
    assert len(asked) == 5
    assert [one.as_of for one in asked] == sorted(one.as_of for one in asked)
    record = Record.open(str(tmp_path / "record.db"))
    every = list(record.iter_interactions())
    for one in asked:
        moments = {past.item_id: past.timestamp for past in every if past.user_id == one.user_id}
        assert one.as_of == min(moments[item_id] for item_id in one.liked)
        assert len(one.liked) == 8
    first = {
        past.item_id: min(other.timestamp for other in every if other.item_id == past.item_id) for past in every[:50]
    }
    for found in record.items(first).values():
        assert found.added_at == first[found.item_id]
    record.close()


def test_the_table_compares_with_the_shipped_scenario() -> None:
    def told(way: Way, ndcg: float) -> Told:
        values = np.array([0.0, 0.2])
        return Told(way=way, ndcg=values + ndcg, distance=values, fresh=values, repeats=np.full(2, np.nan))

    ways = [told(PLAIN, 0.1), told(WAYS[0], 0.3), told(WAYS[1], 0.25)]
    lines = table_of(ways, seed=0).splitlines()
    assert all(line.count("|") == len(COLUMNS) + 1 for line in lines)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert [row[3] for row in cells] == ["–", "+20.00 (20.00 to 20.00)", "−5.00 (−5.00 to −5.00)"]
    assert [row[2][:5] for row in cells] == ["20.00", "40.00", "35.00"]
    assert cells[0][5].startswith("10% (")
    assert cells[0][6] == "–"


@pytest.mark.parametrize("data", ["sample", "news"])
def test_the_samples_go_through_every_way(data: str) -> None:
    told = run(replace(PLAN, data=data), Console(quiet=True), HashingEmbedder())
    held = "8 held-out likes each" if data == "sample" else "nothing held out"
    assert told.startswith(f"{data}: n = 5 users, {held}; fresh: 30 days; seed 0; no LLM")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told.splitlines()[4:]]
    assert len(rows) == 1 + sum(way.scenario == "news" for way in WAYS)
    assert (rows[0][2] == "–") == (data == "news")
