"""Known data sets: files in their publishers' shapes, made here, arrive as items, users and interactions."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from retrieval.errors import InputError
from retrieval.importing.datasets import SplitTable, plan_dataset
from retrieval.importing.importer import import_tables
from retrieval.importing.tables import BadRow, Row
from retrieval.record import Record

FLAGS = "|".join(["0", "1"] + ["0"] * 17)
FOLDERS = {
    "ml-100k": {
        "u.item": f"1|Café (1995)|01-Jan-1995||http://x|{FLAGS}\n",
        "u.data": "7\t1\t5\t881250949\n",
        "u.user": "7|24|M|technician|02139\n",
    },
    "ml-1m": {
        "movies.dat": "1::Café (1995)::Action|Drama\n",
        "ratings.dat": "7::1::5::881250949\n",
        "users.dat": "7::M::24::3::02139\n",
    },
    "ml-latest-small": {
        "movies.csv": 'movieId,title,genres\n1,"Café, The (1995)",Action|Drama\n',
        "ratings.csv": "userId,movieId,rating,timestamp\n7,1,5.0,881250949\n",
    },
    "lastfm": {
        "artists.dat": "id\tname\turl\tpictureURL\n1\tCafé\thttp://x\thttp://y\n",
        "user_artists.dat": "userID\tartistID\tweight\n7\t1\t13883\n",
    },
    "amazon-games": {
        "Games-6k.item": "item_id:token\ttitle:token_seq\n1\tCafé the Game\n2\tTarget\n",
        "Games-6k.test.inter": "user_id:token\titem_id_list:token_seq\titem_id:token\n7\t1\t2\n",
    },
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_publishers_files(name: str, zipped: bool, tmp_path: Path) -> None:
    for file, text in FOLDERS[name].items():
        written = text.encode("latin-1" if name in {"ml-100k", "ml-1m"} else "utf-8")
        if zipped:
            (tmp_path / f"{file}.gz").write_bytes(gzip.compress(written))
        else:
            (tmp_path / file).write_bytes(written)
    record = Record.open(f"sqlite:///{tmp_path / 'record.db'}")
    report = import_tables(record, plan_dataset(name, tmp_path, tmp_path), tmp_path / "rejects.jsonl")
    history = record.history("7", None)
    record.close()
    assert report.complete
    assert [past.item.item_id for past in history] == ["1"], "the test target is not imported"
    assert history[0].item.title.startswith("Café")
    assert history[0].liked


def test_split_cells_come_without_line_ends_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_bytes(b"1::Up::Drama\r\n2::Jaws\r\n")
    good, bad = SplitTable(path=path, separator="::", header=("item_id", "title", "genres")).rows()
    assert isinstance(good, Row)
    assert good.values["genres"] == "Drama"
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason) == (2, "2 cells in place of 3")
    cut = path.with_name("movies.dat.gz")
    cut.write_bytes(gzip.compress(path.read_bytes() * 100)[:-20])
    with pytest.raises(InputError, match="cannot be read to its end"):
        list(SplitTable(path=cut, separator="::", header=("item_id", "title", "genres")).rows())


def test_an_unknown_name_and_a_wrong_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'ml-100k'"):
        plan_dataset("ml100k", tmp_path, tmp_path)
    with pytest.raises(InputError, match="does not hold the files of 'lastfm'"):
        plan_dataset("lastfm", tmp_path, tmp_path)
    with pytest.raises(InputError, match="--data-dir"):
        plan_dataset("lastfm", None, tmp_path)
