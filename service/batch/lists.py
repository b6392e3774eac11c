"""A part of a batch as Parquet: one row for each place of each user's list, and whom it could not serve."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ranking.types import Recommendation
from retrieval.errors import InputError
from service.batch.users import Listed

_ROWS_OF_A_GROUP = 128 * 1024
_REJECTED, _MADE_BY = b"fewrec.rejected", b"fewrec.made_by"

SCHEMA: Any = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("llm_score", pa.float64()),
        pa.field("ranked_by", pa.string(), nullable=False),
        pa.field("notes", pa.list_(pa.string()), nullable=False),
        pa.field("strategy", pa.string()),
        pa.field("template", pa.string()),
        pa.field("model", pa.string()),
        pa.field("adapter", pa.string()),
        pa.field("as_of", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
"""Of the output; docs/batch.md tells what each column means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Consecutive users of a batch, answered."""

    lists: Sequence[Recommendation]
    rejected: Sequence[Listed]
    made_by: str
    """The model and the adapter, as every part must have them."""


def encode(part: Part, as_of: float) -> bytes:
    """The part as a Parquet file; the same part gives the same bytes."""
    rows = [row for answer in part.lists for row in _rows(answer, as_of)]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    rejected = json.dumps([asdict(one) for one in part.rejected])
    table = table.replace_schema_metadata({_REJECTED: rejected, _MADE_BY: part.made_by})
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    return content.getvalue()


def rejected_in(path: Path) -> list[Listed]:
    """Whom a part could not serve."""
    return [Listed(**one) for one in json.loads(pq.read_schema(path).metadata[_REJECTED])]


def join_parts(parts: Iterable[Path], file: Any) -> int:
    """Writes the parts as one Parquet file, in order and with row groups of one size; returns how many rows.

    Raises InputError where one was made by another model than the first: nobody could say what the lists are of.
    """
    made_by: bytes | None = None
    held: list[Any] = []
    n_rows = n_held = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for path in parts:
            table = pq.read_table(path)
            mine = table.schema.metadata[_MADE_BY]
            made_by = mine if made_by is None else made_by
            if mine != made_by:
                raise InputError(
                    f"the parts were ranked by different models: {made_by.decode()}, and {mine.decode()} in {path}; "
                    "remove the work folder, or begin anew with --overwrite"
                )
            held.append(table.replace_schema_metadata(None))
            n_held, n_rows = n_held + len(table), n_rows + len(table)
            while n_held >= _ROWS_OF_A_GROUP:
                whole = pa.concat_tables(held).combine_chunks()
                writer.write_table(whole.slice(0, _ROWS_OF_A_GROUP))
                held = [whole.slice(_ROWS_OF_A_GROUP)]
                n_held = len(held[0])
        writer.write_table(pa.concat_tables([SCHEMA.empty_table(), *held]).combine_chunks())
    return n_rows


def _rows(answer: Recommendation, as_of: float) -> list[dict[str, Any]]:
    engine, template = answer.engine, answer.template
    shared = {
        "user_id": answer.user and answer.user.user_id,
        "ranked_by": answer.ranked_by,
        "notes": list(answer.notes),
        "strategy": answer.strategy,
        "template": template and template.label,
        "model": engine and f"{engine.model}@{engine.revision}",
        "adapter": engine and engine.adapter,
        "as_of": round(as_of * 1e6),
    }
    return [
        {
            **shared,
            "rank": place,
            "item_id": entry.item.item_id,
            "score": entry.score,
            "llm_score": entry.llm_score,
        }
        for place, entry in enumerate(answer.items, start=1)
    ]
