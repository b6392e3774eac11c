from __future__ import annotations

import dataclasses
import json

from ranking.types import RankedItem, Recommendation
from service.schemas import CountsOut, ItemOut, RecommendationOut
from tests.service.answers import TITLE, bare_answer, full_answer


def test_an_answer_keeps_everything_on_the_wire() -> None:
    wire = json.loads(RecommendationOut.of(full_answer()).model_dump_json())

    [item] = wire["items"]
    assert (item["item_id"], item["title"], item["score"], item["rank"]) == ("a", TITLE, 1.25, 1)
    assert item["attributes"] == {"year": 1979.0, "genres": ["Horror", "Sci-Fi"]}
    assert item["sources"] == [{"name": "newest", "rank": 2, "score": 0.1}]
    assert item["parts"] == [{"name": "llm", "value": -0.5, "weight": 1.0, "contribution": 1.25}]
    assert item["signals"]["similarity_max"] == 0.7
    assert item["signals"]["cooccurrence"] is None
    assert item["reason"]["because"] == [{"item_id": "h", "title": "Heat", "score_change": 0.5}]
    assert wire["model"]["name"] == "scripted"
    assert wire["template"] == {"name": "likelihood", "version": 1, "language": "en", "digest": "abc"}
    assert wire["counts"]["history_shown"] == 3
    assert wire["dropped"]["history"] == 1
    assert wire["timings"][1] == {"stage": "llm", "seconds": 0.5}
    assert wire["notes"] == ["1 of the 2 items asked for."]


def test_an_answer_without_a_model_says_so_with_nulls() -> None:
    wire = RecommendationOut.of(bare_answer())

    assert (wire.user_id, wire.model, wire.template, wire.strategy) == (None, None, None, None)
    assert wire.items == []


def test_the_wire_reads_back() -> None:
    wire = RecommendationOut.of(full_answer())

    assert RecommendationOut.model_validate_json(wire.model_dump_json()) == wire


def test_no_field_of_an_answer_is_forgotten() -> None:
    # Of what was retrieved, the wire has what concerns the items of the list.
    inside = {field.name for field in dataclasses.fields(Recommendation)} - {"retrieved"}
    renamed = {"user": "user_id", "engine": "model", "stages": "timings", "outputs": "parse"}
    wire = set(RecommendationOut.model_fields) | set(CountsOut.model_fields)
    assert {renamed.get(name, name.removeprefix("n_")) for name in inside} <= wire

    inside = {field.name for field in dataclasses.fields(RankedItem)} - {
        "item",
        "llm_branch",
    }  # evaluation keeps the latter
    assert {name.replace("votes", "sources") for name in inside} <= set(ItemOut.model_fields)
