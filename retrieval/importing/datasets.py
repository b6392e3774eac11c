"""Known data sets, in their publishers' own files and in RecBole's atomic files, as tables for the importer."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.errors import InputError
from retrieval.importing.download import Archive, fetch
from retrieval.importing.plan import ImportPlan
from retrieval.importing.tables import BadRow, CsvTable, Row, Rows, open_text, readable

_ML_100K_GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One known data set."""

    domain: str
    publisher: Callable[[Path], ImportPlan | None]
    """The plan for the publisher's own files, or None if the folder does not hold them."""
    atomic: str
    """Name of the RecBole atomic files without their endings."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    archive: Archive | None = None
    implicit: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomicTable:
    """A RecBole atomic file: tab-separated, columns named "name:type", token_seq columns are space-separated lists."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows by bare column name. A sequence is a list, unless the column is a title or a name."""
        for row in CsvTable(path=self.path, delimiter="\t", quoting=False).rows():
            yield (
                Row(line=row.line, values=dict(map(_atomic_cell, row.values.items()))) if isinstance(row, Row) else row
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitTable:
    """A file without header whose cells are parted by a longer separator, such as "::"."""

    path: Path
    separator: str
    header: tuple[str, ...]
    encoding: str = "latin-1"

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows as texts."""
        with readable(self.path), open_text(self.path, self.encoding) as file:
            for line, text in enumerate(file, start=1):
                cells = text.rstrip("\r\n").split(self.separator)
                if len(cells) == len(self.header):
                    yield Row(line=line, values=dict(zip(self.header, cells, strict=True)))
                else:
                    yield BadRow(line=line, reason=f"{len(cells)} cells in place of {len(self.header)}", text=text)


@dataclass(frozen=True, kw_only=True, slots=True)
class MovieLensItems:
    """u.item of MovieLens 100K: the last nineteen columns are flags of genres, the title carries the year."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows with item_id, title, year and a list of genres."""
        header = ("item_id", "title", "release", "video_release", "url", *_ML_100K_GENRES)
        for row in CsvTable(path=self.path, encoding="latin-1", delimiter="|", header=header, quoting=False).rows():
            if isinstance(row, BadRow):
                yield row
                continue
            genres = [genre for genre in _ML_100K_GENRES if row.values[genre] == "1"]
            values = {"item_id": row.values["item_id"], "title": row.values["title"], "genres": genres}
            year = str(row.values["release"])[-4:]
            yield Row(line=row.line, values=values | ({"year": year} if year.isdigit() else {}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """LLMRank's interaction file: one row a user with their history. The target column is the test and is left out."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """One row per past item, with its place in the history as timestamp; lines count past items."""
        line = 0
        for row in AtomicTable(path=self.path).rows():
            if isinstance(row, BadRow):
                yield row
                continue
            items = row.values["item_id_list"]
            for place, item_id in enumerate(items if isinstance(items, list) else []):
                line += 1
                values = {"user_id": row.values["user_id"], "item_id": item_id, "timestamp": float(place)}
                yield Row(line=line, values=values)


def dataset_names() -> tuple[str, ...]:
    """The names that `plan_dataset` knows."""
    return tuple(sorted(_KNOWN))


def plan_dataset(name: str, data_dir: Path | None, cache: Path) -> ImportPlan:
    """The plan for a known set: from a local folder, else from the original archive, downloaded into `cache`.

    Raises InputError for an unknown name, a folder without the set's files, or a download that is not possible.
    """
    known = _KNOWN.get(name)
    if known is None:
        close = difflib.get_close_matches(name, _KNOWN, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"no known data set {name!r}{hint} Known: {', '.join(dataset_names())}")
    folder = fetch(name, known.archive, cache) if data_dir is None else data_dir
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    plan = known.publisher(folder) or _atomic_plan(folder, known)
    if plan is None:
        raise InputError(
            f"{folder} does not hold the files of {name!r}, neither its publisher's nor {known.atomic}.inter"
        )
    return plan


def _atomic_plan(folder: Path, known: Known) -> ImportPlan | None:
    tables = {kind: _existing(folder, f"{known.atomic}.{kind}") for kind in ("item", "user", "inter")}
    if tables["inter"] is None or tables["item"] is None:
        return None
    return ImportPlan(
        items=AtomicTable(path=tables["item"]),
        users=None if tables["user"] is None else AtomicTable(path=tables["user"]),
        interactions=AtomicTable(path=tables["inter"]),
        mapping=known.mapping,
        implicit=known.implicit,
        domain=known.domain,
    )


def _existing(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _atomic_cell(cell: tuple[str, object]) -> tuple[str, object]:
    column, value = cell
    name, _, kind = column.partition(":")
    if kind == "token_seq" and not any(word in name for word in ("title", "name")):
        return name, str(value).split()
    return name, value


def _ml_100k(folder: Path) -> ImportPlan | None:
    data, items, users = (_existing(folder, name) for name in ("u.data", "u.item", "u.user"))
    if data is None or items is None:
        return None
    user_header = ("user_id", "age", "gender", "occupation", "zip_code")
    return ImportPlan(
        items=MovieLensItems(path=items),
        users=None if users is None else CsvTable(path=users, delimiter="|", header=user_header, quoting=False),
        interactions=CsvTable(path=data, delimiter="\t", header=("user_id", "item_id", "rating", "timestamp")),
        domain="films",
    )


def _ml_1m(folder: Path) -> ImportPlan | None:
    ratings, items, users = (_existing(folder, name) for name in ("ratings.dat", "movies.dat", "users.dat"))
    if ratings is None or items is None:
        return None
    user_header = ("user_id", "gender", "age", "occupation", "zip_code")
    return ImportPlan(
        items=SplitTable(path=items, separator="::", header=("item_id", "title", "genres")),
        users=None if users is None else SplitTable(path=users, separator="::", header=user_header),
        interactions=SplitTable(path=ratings, separator="::", header=("user_id", "item_id", "rating", "timestamp")),
        domain="films",
    )


def _ml_latest_small(folder: Path) -> ImportPlan | None:
    ratings, items = _existing(folder, "ratings.csv"), _existing(folder, "movies.csv")
    if ratings is None or items is None:
        return None
    return ImportPlan(items=CsvTable(path=items), interactions=CsvTable(path=ratings), domain="films")


def _amazon_games(folder: Path) -> ImportPlan | None:
    items, histories = _existing(folder, "Games-6k.item"), _existing(folder, "Games-6k.test.inter")
    if items is None or histories is None:
        return None
    return ImportPlan(items=AtomicTable(path=items), interactions=Histories(path=histories), domain="games")


def _lastfm(folder: Path) -> ImportPlan | None:
    plays, artists = _existing(folder, "user_artists.dat"), _existing(folder, "artists.dat")
    if plays is None or artists is None:
        return None
    return ImportPlan(
        items=CsvTable(path=artists, delimiter="\t", quoting=False),
        interactions=CsvTable(path=plays, delimiter="\t", quoting=False),
        implicit=True,
        domain="artists",
    )


_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_KNOWN: Mapping[str, Known] = {
    "ml-100k": Known(
        domain="films",
        publisher=_ml_100k,
        atomic="ml-100k",
        mapping={"year": "release_year", "genres": "class"},
        archive=Archive(url=f"{_GROUPLENS}/ml-100k.zip", md5="0e33842e24a9c977be4e0107933c0723"),
    ),
    "ml-1m": Known(
        domain="films",
        publisher=_ml_1m,
        atomic="ml-1m",
        mapping={"year": "release_year", "genres": "genre"},
        archive=Archive(url=f"{_GROUPLENS}/ml-1m.zip", md5="c4d9eecfca2ab87c1945afe126590906"),
    ),
    "ml-latest-small": Known(domain="films", publisher=_ml_latest_small, atomic="ml-latest-small"),
    "amazon-games": Known(domain="games", publisher=_amazon_games, atomic="amazon-games"),
    "lastfm": Known(domain="artists", publisher=_lastfm, atomic="lastfm", implicit=True),
}
