"""Probabilities before and after calibration: python -m evaluation.calibration --data ml-100k --data-dir FOLDER.

The lists and scores are those of `fewrec calibrate`, on a data set in a folder that is thrown away. No LLM takes part.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from evaluation.ads.filling import SAMPLE, fill
from evaluation.calibration.command import Order, lists_by_signals
from evaluation.calibration.table import table_of
from evaluation.run.command import bars
from ranking.settings import load_settings
from retrieval.record import Record


def main() -> None:
    """Prints the table, in Markdown, and above it what was done."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.calibration", description=__doc__)
    parser.add_argument("--data", default=SAMPLE, help="sample, or a data set that fewrec import knows")
    parser.add_argument("--data-dir", type=Path, help="folder of its files; else they are downloaded")
    parser.add_argument("--cases", type=int, default=1000, help="validation lists at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, bars(Console(stderr=True)) as progress:
        settings = load_settings(home=Path(folder), fusion={"llm": 0}, tuned=False)
        record = Record.open(str(settings.home / "record.db"))
        try:
            fill(record, settings, given.data, given.data_dir)
        finally:
            record.close()
        lists = lists_by_signals(settings, Order(cases=given.cases, seed=given.seed), progress)
    n_candidates = sum(len(one.scores) for one in lists)
    facts = f"{given.data}: n = {len(lists)} lists, {n_candidates:,} candidates; seed {given.seed}; no LLM"
    told = f"{facts}\n\n{table_of(lists, seed=given.seed)}"
    Console(width=200, highlight=False, markup=False).print(told, soft_wrap=True)


if __name__ == "__main__":
    main()
