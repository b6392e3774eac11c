"""Files as tables: each kind yields its rows with line numbers, and says of a row it cannot read why."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet

from retrieval.errors import InputError, one_line

MAX_CELL = 1 << 20
"""Longest text of one cell, in characters; a row with a longer one is rejected."""
_DELIMITERS = ",;\t|"
_ROWS_LOOKED_AT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One readable row: 1-based line (row of a Parquet file) and its values by column. Texts come as they stand."""

    line: int
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """One row that cannot be read, and why."""

    line: int
    reason: str
    text: str
    lines: int = 1
    """How many lines of the file are lost with it."""


Rows: TypeAlias = Iterator[Row | BadRow]


class Table(Protocol):
    """A source of rows that can be read more than once."""

    @property
    def name(self) -> str:
        """What errors and reports call it."""

    def rows(self) -> Rows:
        """All rows, in the order of the file. Raises InputError where the file as a whole cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvTable:
    """A delimited text file. Without `header` its first line names the columns; without `delimiter` it is guessed."""

    path: Path
    encoding: str = "utf-8"
    delimiter: str | None = None
    header: tuple[str, ...] | None = None
    quoting: bool = True

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows as texts. A line with another number of cells than there are columns is a BadRow."""
        with readable(self.path), open_text(self.path, self.encoding) as file:
            delimiter = self.delimiter or _guess(file)
            csv.field_size_limit(MAX_CELL)
            if self.quoting:
                reader = csv.reader(file, delimiter=delimiter, strict=True)
            else:
                reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            header = self.header
            while True:
                first = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    yield _lost(first, max(reader.line_num, first), error)
                    continue
                except UnicodeDecodeError as error:
                    raise _wrong_encoding(self.path, first, error) from error
                if header is None:
                    header = _header(self.path, cells)
                elif cells and len(cells) != len(header):
                    reason = f"{len(cells)} cells in place of {len(header)}"
                    yield BadRow(line=first, reason=reason, text=delimiter.join(cells))
                elif cells:
                    yield Row(line=first, values=dict(zip(header, cells, strict=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonLines:
    """A file with one JSON object a line."""

    path: Path
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows with JSON's own types. A broken line is a BadRow."""
        with readable(self.path), open_text(self.path, self.encoding) as file:
            for line, text in enumerate(_lines(self.path, file), start=1):
                if not text.strip():
                    continue
                if len(text) > MAX_CELL:
                    yield BadRow(line=line, reason=f"longer than {MAX_CELL} characters", text=text)
                    continue
                try:
                    values = json.loads(text)
                except (ValueError, RecursionError) as error:
                    yield BadRow(line=line, reason=f"not valid JSON: {error}", text=text)
                    continue
                if isinstance(values, dict):
                    yield Row(line=line, values=values)
                else:
                    yield BadRow(line=line, reason="not a JSON object", text=text)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetTable:
    """A Parquet file, read in batches."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Rows:
        """Rows with Parquet's types as Python's."""
        try:
            with pa.parquet.ParquetFile(self.path) as file:
                line = 0
                for batch in file.iter_batches(batch_size=5000):
                    for values in batch.to_pylist():
                        line += 1
                        if any(isinstance(value, str) and len(value) > MAX_CELL for value in values.values()):
                            yield BadRow(line=line, reason=f"a cell is longer than {MAX_CELL} characters", text="")
                        else:
                            yield Row(line=line, values=values)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path} cannot be read as Parquet: {one_line(error)}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns a table has, in their order."""

    names: tuple[str, ...]


def open_table(path: Path, encoding: str = "utf-8") -> Table:
    """The table for a file by its ending: .parquet, .jsonl or .ndjson, else CSV (.gz beside text kinds too)."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    kinds = [suffix.lower() for suffix in path.suffixes]
    if ".parquet" in kinds:
        return ParquetTable(path=path)
    if ".jsonl" in kinds or ".ndjson" in kinds:
        return JsonLines(path=path, encoding=encoding)
    if ".json" in kinds:
        raise InputError(f"{path}: a JSON file must hold one object a line and be called .jsonl")
    return CsvTable(path=path, encoding=encoding)


def columns_of(table: Table) -> Columns:
    """The columns of the first hundred readable rows, of all where rows may differ. Raises InputError for none."""
    names: dict[str, None] = {}
    problem = "it is empty"
    for row in islice(table.rows(), None if isinstance(table, JsonLines) else _ROWS_LOOKED_AT):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
        else:
            problem = f"line {row.line}: {row.reason}"
    if not names:
        raise InputError(f"{table.name} holds no row that can be read: {problem}")
    return Columns(names=tuple(names))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what a damaged file raises while it is read into an InputError."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be read to its end: {error}. Is it complete?") from error


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """A text file, gzipped or not, with its line ends as they stand. Raises InputError."""
    # utf-8-sig also reads UTF-8 without a byte-order mark.
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    try:
        if path.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(path), encoding=codec, newline="")
        return path.open(encoding=codec, newline="")
    except (OSError, LookupError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _lost(first: int, last: int, error: csv.Error) -> BadRow:
    lines = last - first + 1
    lost = f"; lines {first} to {last} ({lines:,} lines) are lost, perhaps to a quote that is never closed"
    return BadRow(line=first, reason=f"not readable as CSV: {error}{lost if lines > 1 else ''}", text="", lines=lines)


def _lines(path: Path, file: Iterable[str]) -> Iterator[str]:
    lines, line = iter(file), 0
    while True:
        line += 1
        try:
            yield next(lines)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, line, error) from error


def _guess(file: io.TextIOWrapper) -> str:
    try:
        first = file.readline(MAX_CELL)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(Path(file.name), 1, error) from error
    file.seek(0)
    return max(_DELIMITERS, key=first.count)


def _header(path: Path, cells: list[str]) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in cells)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: the header names {twice[0]!r} twice; rename one of these columns")
    return names


def _wrong_encoding(path: Path, line: int, error: UnicodeDecodeError) -> InputError:
    return InputError(
        f"{path}, near line {line}: not {error.encoding} ({error.reason}); name the encoding: --encoding latin-1"
    )
