"""Small data sets, in the shapes that their publishers use."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

N_ITEMS = 30


def write_games(folder: Path, lists: Sequence[str] = ("u0", "u1")) -> None:
    """Six users with four past items each: user k took k, k+1, k+2 and k+3, and takes k+4 in the test."""
    folder.mkdir(parents=True, exist_ok=True)
    items = "".join(f"i{k}\tGame {k} &amp; more\n" for k in range(N_ITEMS))
    (folder / "Games-6k.item").write_text("item_id:token\ttitle:token_seq\n" + items)
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    for name, length in (("test", 4), ("valid", 3)):
        rows = (f"u{k}\t{' '.join(f'i{k + step}' for step in range(length))}\ti{k + length}\n" for k in range(6))
        (folder / f"Games-6k.{name}.inter.gz").write_bytes(gzip.compress((header + "".join(rows)).encode()))
    rows = (f"{user_id}\t{' '.join(f'i{k}' for k in range(N_ITEMS))}\n" for user_id in lists)
    (folder / "Games-6k.random.gz").write_bytes(gzip.compress("".join(rows).encode()))


def write_industrial(folder: Path) -> None:
    """Two users in valid, whose second rows go on where the first end; one of them and a stranger in test."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {str(k): {"title": f"Bolt {k}", "description": "['Steel. ', '', 'M6.']", "brand": "B"} for k in range(9)}
    (folder / "item.json.gz").write_bytes(gzip.compress(json.dumps(found).encode()))
    header = "user_id,history_item_title,item_title,history_item_id,item_id,history_item_sid,item_sid\n"
    valid = [("a", [1], 2), ("a", [1, 2], 3), ("b", [4, 4], 5)]
    test = [("a", [2, 3], 6), ("c", [7], 8)]
    for name, rows in (("valid", valid), ("test", test)):
        lines = "".join(f'{user},"[]",T,"{history}",{target},"[]",s\n' for user, history, target in rows)
        (folder / f"{name}.csv").write_text(header + lines)


def write_tallrec(folder: Path, text: str | None = None) -> None:
    """One test case and one for validation, which has no dislikes."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = 'Whether the user will like the target movie "{}"?'
    first = text or 'User Preference: "A, The (1990)", "B"\nUser Unpreference: "C"\n' + asked.format('D "x"')
    second = 'User Preference: "B"\nUser Unpreference: \n' + asked.format("C")
    for name, words, answer in (("test", first, "Yes."), ("valid", second, "No.")):
        (folder / f"{name}.json").write_text(json.dumps([{"input": words, "output": answer}]))


def ranking(case_id: str = "1", **changes: Any) -> dict[str, Any]:
    """A ranking case."""
    case: dict[str, Any] = {
        "case_id": case_id,
        "user_id": "u",
        "history": [{"title": "Alien", "liked": True}, {"title": "Up", "liked": False}],
        "candidates": [{"item_id": "b", "title": "Up", "year": 2009}, {"item_id": "a", "title": "Aliens"}],
        "target": "a",
    }
    return case | changes


def labelled(case_id: str = "2", **changes: Any) -> dict[str, Any]:
    """A labelled case."""
    return {"case_id": case_id, "history": [], "item": {"item_id": "a", "title": "Aliens"}, "label": 1} | changes


def write_lines(path: Path, *cases: dict[str, Any] | str) -> Path:
    """A cases file; a text stands as it is."""
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in cases))
    return path
