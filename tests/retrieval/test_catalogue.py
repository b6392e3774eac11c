from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from retrieval.catalogue import Catalogue, closest
from retrieval.record import Record
from retrieval.record.copying import copy_record
from tests.retrieval.records import item


@pytest.mark.parametrize("seed", range(3))
def test_a_catalogue_that_follows_equals_one_read_whole(record: Record, record_url: str, seed: int) -> None:
    draw, following = np.random.default_rng(seed), Catalogue(record)
    elsewhere = Record.open(record_url)  # as another server has it open
    for step in range(40):
        for writer in (record, elsewhere):
            ids = [f"i{k}" for k in np.flatnonzero(draw.random(12) < 0.2)]
            if draw.random() < 0.6:
                writer.put_items([item(item_id, f"Title {step % 3}") for item_id in ids])
            else:
                writer.delete_items(ids)
        assert list(following.items().items()) == [(one.item_id, one) for one in record.iter_items()]
    elsewhere.close()


def test_only_what_changed_is_read_and_what_was_given_stays(record: Record) -> None:
    record.put_items([item("b"), item("c")])
    catalogue = Catalogue(record)
    given = catalogue.items()
    assert catalogue.items() is given
    record.put_items([item("a"), item("c", "Another title")])
    record.delete_items(["b"])
    record.put_items([item("b")])
    record.put_items([item("d")])
    record.delete_items(["d"])
    after = catalogue.items()
    assert {key: one.title for key, one in given.items()} == {"b": "Title of b", "c": "Title of c"}
    assert list(after) == ["a", "b", "c"]
    record.put_items([item("e")])
    assert catalogue.items()["a"] is after["a"]


def test_a_record_that_takes_anothers_place_is_read_whole(record: Record, record_url: str, tmp_path: Path) -> None:
    record.put_items([item("a")])
    catalogue = Catalogue(record)
    catalogue.items()
    path = str(tmp_path / "other.db")
    other = Record.open(path)
    other.put_items([item("b")])
    other.put_items([item("c")])
    other.close()
    copy_record(path, record_url)
    assert list(catalogue.items()) == ["b", "c"]


def test_the_closest_ids_are_found_whatever_the_typing_error() -> None:
    known = ["alien", "aliens", "brazil", "heat"]
    assert closest("aliem", known) == "; the closest: alien, aliens"
    assert closest("haet", known) == "; the closest: heat"
    assert closest("rbazil", known) == "; the closest: brazil", "also one in the first letter"
    assert closest("up", known) == ""


def test_of_many_ids_only_those_that_begin_alike_are_compared() -> None:
    draw = np.random.default_rng(1)
    known = [str(uuid.UUID(bytes=draw.bytes(16))) for _ in range(20_000)]
    assert closest(known[7][:-2] + "zz", known) == f"; the closest: {known[7]}"
    assert closest("z" + known[7][1:], known) == "", "to compare all of them takes seconds"
