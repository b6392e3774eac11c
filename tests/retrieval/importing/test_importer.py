"""Files into a real record: what arrives, what is rejected and why, and that doing it twice changes nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catch_up import item_text
from retrieval.errors import InputError
from retrieval.importing.cleaning import is_absent
from retrieval.importing.importer import import_tables
from retrieval.importing.plan import ImportPlan, ImportReport
from retrieval.importing.tables import open_table
from retrieval.record import Record

ITEMS = "item_id,title,genres,price\na,Alien,Horror|Sci-Fi,10\nb,Up,Animation,\nc,Jaws,Horror,20\n"
RATINGS = "user_id,item_id,rating,timestamp\nu,a,5,100\nu,b,2,200\nv,a,4,50\n"


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(f"sqlite:///{tmp_path / 'record.db'}")
    yield opened
    opened.close()


def _write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _import(record: Record, folder: Path, items: str | bytes | None, ratings: str | bytes | None) -> ImportReport:
    plan = ImportPlan(
        items=None if items is None else open_table(_write(folder, "items.csv", items)),
        interactions=None if ratings is None else open_table(_write(folder, "ratings.csv", ratings)),
    )
    return import_tables(record, plan, folder / "rejects.jsonl")


def _rejected(folder: Path) -> list[tuple[int, str]]:
    lines = (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [(entry["line"], entry["reason"]) for entry in map(json.loads, lines)]


def test_items_and_ratings_arrive_typed(record: Record, tmp_path: Path) -> None:
    report = _import(record, tmp_path, ITEMS, RATINGS)
    assert report.complete
    assert report.like_threshold == 4.0
    assert record.items(["a"])["a"].attributes == {"genres": ("Horror", "Sci-Fi"), "price": 10.0}
    assert [(past.item.item_id, past.liked) for past in record.history("u", None)] == [("a", True), ("b", False)]


def test_the_same_import_again_changes_nothing(record: Record, tmp_path: Path) -> None:
    _import(record, tmp_path, ITEMS, RATINGS)
    version = record.version()
    again = _import(record, tmp_path, ITEMS, RATINGS)
    assert [(table.inserted, table.updated, table.unchanged) for table in again.tables] == [(0, 0, 3), (0, 0, 3)]
    assert record.version() == version


def test_rejected_rows_are_kept_with_line_and_reason(record: Record, tmp_path: Path) -> None:
    ratings = RATINGS + "u,zzz,5,300\n,a,5,1\nu,c,NaN,1\nu,c,-1,1\nu,c\nw,c,3,soon\n"
    report = _import(record, tmp_path, ITEMS, ratings)
    assert not report.complete
    assert report.tables[1].rejected == 6
    assert report.tables[1].read == 9
    reasons = dict(_rejected(tmp_path))
    assert "unknown item 'zzz'" in reasons[5]
    assert reasons[6] == "no user_id"
    assert "not a finite number" in reasons[7]
    assert "negative" in reasons[8]
    assert "2 cells in place of 4" in reasons[9]
    assert "neither a Unix time nor ISO" in reasons[10]
    assert record.counts().interactions == 3


def test_of_duplicates_the_latest_counts(record: Record, tmp_path: Path) -> None:
    ratings = "user_id,item_id,rating,timestamp\nu,a,5,300\nu,a,1,100\n"
    report = _import(record, tmp_path, ITEMS + "a,Alien again,Horror,1\n", ratings)
    assert record.items(["a"])["a"].title == "Alien again"
    interaction = record.interaction("u", "a")
    assert interaction is not None
    assert interaction.rating == 5.0
    assert [table.duplicates for table in report.tables] == [1, 1]


def test_missing_numbers_are_filled_with_the_mean_on_request(record: Record, tmp_path: Path) -> None:
    plan = ImportPlan(items=open_table(_write(tmp_path, "items.csv", ITEMS)), fill_missing=("price",))
    report = import_tables(record, plan, tmp_path / "rejects.jsonl")
    assert record.items(["b"])["b"].attributes["price"] == 15.0
    assert "filled with the mean 15" in report.notes[0]


def test_columns_can_be_named(record: Record, tmp_path: Path) -> None:
    path = _write(tmp_path, "i.csv", "Code;Label;Kind\n1;Up;x\n")
    mapping = {"item_id": "code", "title": "Label", "category": "Kind"}
    import_tables(record, ImportPlan(items=open_table(path), mapping=mapping), tmp_path / "r.jsonl")
    assert record.items(["1"])["1"].attributes == {"category": ("x",)}


def test_the_columns_of_an_items_text_can_be_named(record: Record, tmp_path: Path) -> None:
    path = _write(
        tmp_path, "i.csv", "id,title,description,plot,cast,year\n1,Up,old,A house flies,Asner,1948.0\n2,Jaws,,,,\n"
    )
    import_tables(record, ImportPlan(items=open_table(path), text=("Plot", "cast")), tmp_path / "r.jsonl")
    up, jaws = record.items(["1", "2"]).values()
    assert (up.description, up.attributes) == ("A house flies\nAsner", {"year": 1948.0})
    assert jaws.description is None
    assert item_text(up) == "Up\nA house flies\nAsner\nyear: 1948"
    with pytest.raises(InputError, match="no column 'plto'; did you mean 'plot'"):
        import_tables(record, ImportPlan(items=open_table(path), text=("plto",)), tmp_path / "r.jsonl")


def test_without_times_the_order_of_lines_counts(record: Record, tmp_path: Path) -> None:
    report = _import(record, tmp_path, ITEMS, "user,item\nu,c\nu,a\n")
    assert [past.item.item_id for past in record.history("u", None)] == ["c", "a"]
    assert report.like_threshold is None
    assert "no timestamps" in report.notes[0]


def test_implicit_ignores_ratings(record: Record, tmp_path: Path) -> None:
    plan = ImportPlan(
        items=open_table(_write(tmp_path, "items.csv", ITEMS)),
        interactions=open_table(_write(tmp_path, "r.csv", RATINGS)),
        implicit=True,
    )
    import_tables(record, plan, tmp_path / "rejects.jsonl")
    assert all(past.liked and past.rating is None for past in record.history("u", None))


def test_users_of_a_users_file_are_the_only_ones(record: Record, tmp_path: Path) -> None:
    plan = ImportPlan(
        items=open_table(_write(tmp_path, "items.csv", ITEMS)),
        users=open_table(_write(tmp_path, "users.csv", "user_id,age\nu,30\n")),
        interactions=open_table(_write(tmp_path, "r.csv", RATINGS)),
    )
    import_tables(record, plan, tmp_path / "rejects.jsonl")
    assert _rejected(tmp_path)[0][1].startswith("unknown user 'v'")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("", "no row that can be read: it is empty"),
        ("item_id,title\n", "no row that can be read: it is empty"),
        ("item_id,titel\n1,Up\n", "did you mean 'titel'"),
        ("item_id,title,title\n1,Up,Up\n", "names 'title' twice"),
        ("item_id,title\n1,Amélie\n".encode("latin-1"), "--encoding latin-1"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_error(
    record: Record, tmp_path: Path, items: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _import(record, tmp_path, items, None)
    assert record.counts().items == 0


def test_bom_quotes_and_newlines_in_cells(record: Record, tmp_path: Path) -> None:
    _import(record, tmp_path, '\ufeffitem_id,title\n1,"Up, and\n""away"""\n', None)
    assert record.items(["1"])["1"].title == 'Up, and\n"away"'


def test_a_huge_cell_costs_its_own_row_only(record: Record, tmp_path: Path) -> None:
    huge = "x" * ((1 << 20) + 10)
    report = _import(record, tmp_path, f"item_id,title\n1,Up\n2,{huge}\n3,Jaws\n", None)
    assert record.counts().items == 2
    assert report.tables[0].rejected == 1


def test_lines_lost_to_a_quote_that_is_never_closed_are_counted(record: Record, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    items = 'item_id,title\n1,Up\n2,"Jaws\n3,Alien\n4,Heat\n'
    plan = ImportPlan(items=open_table(_write(tmp_path, "items.csv", items)))
    report = import_tables(record, plan, tmp_path / "rejects.jsonl", lambda _, done, total: seen.append((done, total)))
    table = report.tables[0]
    assert (table.read, table.inserted, table.duplicates, table.rejected) == (4, 1, 0, 3)
    [(line, reason)] = _rejected(tmp_path)
    assert line == 3
    assert "lines 3 to 5 (3 lines) are lost" in reason
    assert seen[-1] == (4, 4)


def test_broken_json_lines_are_rejected_by_line(record: Record, tmp_path: Path) -> None:
    path = _write(tmp_path, "items.jsonl", '{"item_id": 1, "title": "Up"}\n{broken\n\n[1]\n')
    import_tables(record, ImportPlan(items=open_table(path)), tmp_path / "rejects.jsonl")
    assert [line for line, _ in _rejected(tmp_path)] == [2, 4]


def test_parquet_keeps_its_types(record: Record, tmp_path: Path) -> None:
    table = pa.table({"item_id": [1, 2], "title": ["Up", "Jaws"], "genres": [["Animation"], None]})
    pa.parquet.write_table(table, tmp_path / "items.parquet")
    plan = ImportPlan(items=open_table(tmp_path / "items.parquet"))
    import_tables(record, plan, tmp_path / "rejects.jsonl")
    assert record.items(["1"])["1"].attributes == {"genres": ("Animation",)}


def test_missing_and_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*nowhere\.csv"):
        open_table(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="one object a line"):
        open_table(_write(tmp_path, "a.json", "[]"))
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(open_table(_write(tmp_path, "a.parquet", "nonsense")).rows())


_WORDS = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda word: not is_absent(word))  # some words mean that there is none, such as "nan"
)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(_WORDS, _WORDS, min_size=1, max_size=8))
def test_any_titles_survive_the_way_through_csv(titles: dict[str, str]) -> None:
    rows = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in titles.items()]
    with tempfile.TemporaryDirectory() as folder:
        record = Record.open(f"sqlite:///{folder}/record.db")
        _import(record, Path(folder), "item_id,title\n" + "\n".join(rows) + "\n", None)
        stored = record.items(titles)
        record.close()
    assert {key: item.title for key, item in stored.items()} == titles


def test_hidden_and_expiring_items_are_no_attributes(record: Record, tmp_path: Path) -> None:
    _import(record, tmp_path, "item_id,title,is_hidden,expires_at\na,Alien,true,2000-01-01\nb,Up,,\n", None)
    hidden, plain = record.items(["a", "b"]).values()
    assert (hidden.hidden, hidden.expires_at, hidden.attributes) == (True, 946_684_800.0, {})
    assert (plain.hidden, plain.expires_at) == (False, None)
