"""All rows of one record into another, whatever database each is in."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from retrieval.record.database import Database
from retrieval.record.schema import METADATA

_ROWS = 1_000


def copy_record(source: str, target: str) -> None:
    """Replace everything in the record at `target` by what is in the one at `source`, its identity too.

    Both are paths or URLs as `Record.open` takes them, made or migrated where needed. The source is read as of one
    moment, the target written in one transaction. Raises StoreError.
    """
    reading = Database.open(source)
    try:
        writing = Database.open(target)
        try:
            with reading.read() as old, writing.write() as new:
                for table in reversed(METADATA.sorted_tables):
                    new.execute(delete(table))
                for table in METADATA.sorted_tables:
                    rows = old.execution_options(yield_per=_ROWS).execute(select(table)).mappings()
                    for part in rows.partitions():
                        new.execute(insert(table), [dict(row) for row in part])
            writing.checkpoint()
        finally:
            writing.close()
    finally:
        reading.close()
