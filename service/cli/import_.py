"""`fewrec import`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json

if TYPE_CHECKING:
    from ranking.settings import Settings
    from retrieval.importing.plan import ImportPlan, ImportReport

_FILES, _COLUMNS = "What to import", "How to read it"
File = Annotated[
    Path | None, typer.Option(help="CSV, JSONL or Parquet, also gzipped.", metavar="FILE", rich_help_panel=_FILES)
]
MAP_HELP = (
    "FIELD=COLUMN where the guess is wrong, repeatable; fields: item_id, user_id, title, description, domain, "
    "added_at, expires_at, hidden, rating, timestamp, or an attribute."
)


def import_(
    ctx: typer.Context,
    items: File = None,
    interactions: File = None,
    users: File = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="ml-100k, ml-1m, ml-latest-small, amazon-games or lastfm.", rich_help_panel=_FILES),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder that holds the set's files; else they are downloaded.", rich_help_panel=_FILES),
    ] = None,
    columns: Annotated[list[str] | None, typer.Option("--map", help=MAP_HELP, rich_help_panel=_COLUMNS)] = None,
    columns_file: Annotated[
        Path | None, typer.Option("--map-file", help="YAML file of FIELD: COLUMN.", rich_help_panel=_COLUMNS)
    ] = None,
    like_threshold: Annotated[
        float | None,
        typer.Option(help="Ratings from here on are likes; default: 80% of the largest.", rich_help_panel=_COLUMNS),
    ] = None,
    implicit: Annotated[
        bool, typer.Option("--implicit", help="Ignore ratings: every interaction is a like.", rich_help_panel=_COLUMNS)
    ] = False,
    fill_missing: Annotated[
        list[str] | None,
        typer.Option(help="Numeric attribute whose gaps become its mean, repeatable.", rich_help_panel=_COLUMNS),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="Domain of items that name none, such as films.", rich_help_panel=_COLUMNS)
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            help="Column that makes an item's text, repeatable, in this order; default: its description.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of text files.", rich_help_panel=_COLUMNS)] = "utf-8",
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; default: rejects.jsonl in the home folder.")
    ] = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Bring items, users and interactions into the store. Doing it twice changes nothing.

    Ends with code 7 if some rows were rejected; each is in the rejects file with its line and reason.
    """
    from service.exit_codes import ExitCode

    given = globals_of(ctx)
    settings = given.settings()
    mapping = read_mapping(columns, columns_file)
    if dataset is not None:
        _refuse_files(items, interactions, users)
        plan = _dataset_plan(dataset, data_dir, settings)
    else:
        plan = _file_plan(items, interactions, users, encoding)
    plan = dataclasses.replace(
        plan,
        mapping={**plan.mapping, **mapping},
        like_threshold=like_threshold,
        implicit=implicit or plan.implicit,
        fill_missing=tuple(fill_missing or ()),
        domain=domain or plan.domain,
        text=tuple(text or ()),
    )
    report = _import(given, settings, plan, rejects or settings.home / "rejects.jsonl")
    _show(given, report, output)
    if not report.complete:
        raise typer.Exit(ExitCode.PARTIAL)


def read_mapping(pairs: list[str] | None, file: Path | None) -> dict[str, str]:
    """Field to column, from a YAML file and over it from flags. Raises InputError."""
    import yaml

    from retrieval.errors import InputError

    mapping: dict[str, str] = {}
    if file is not None:
        try:
            loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"cannot read the column mapping {file}: {error}") from error
        if not isinstance(loaded, dict) or not all(isinstance(value, str) for value in loaded.values()):
            raise InputError(f"the column mapping {file} must hold lines such as 'title: movie_name'")
        mapping.update({str(name): column for name, column in loaded.items()})
    for pair in pairs or ():
        name, sign, column = (part.strip() for part in pair.partition("="))
        if not (name and sign and column):
            raise InputError(f"--map {pair!r} is not FIELD=COLUMN; write for example --map title=movie_name")
        mapping[name] = column
    return mapping


def _refuse_files(*files: Path | None) -> None:
    if any(file is not None for file in files):
        raise typer.BadParameter("give either --dataset or files, not both", param_hint="--dataset")


def _dataset_plan(name: str, data_dir: Path | None, settings: Settings) -> ImportPlan:
    from retrieval.importing.datasets import plan_dataset

    return plan_dataset(name, data_dir, settings.cache / "datasets")


def _file_plan(items: Path | None, interactions: Path | None, users: Path | None, encoding: str) -> ImportPlan:
    from retrieval.importing.plan import ImportPlan
    from retrieval.importing.tables import open_table

    if items is None and interactions is None and users is None:
        raise typer.BadParameter("name at least one of --items, --interactions, --users or --dataset")
    return ImportPlan(
        items=None if items is None else open_table(items, encoding),
        users=None if users is None else open_table(users, encoding),
        interactions=None if interactions is None else open_table(interactions, encoding),
    )


def _import(given: Globals, settings: Settings, plan: ImportPlan, rejects: Path) -> ImportReport:
    from ranking.factory import open_settings_store
    from retrieval.importing.importer import import_tables
    from service.cli.progress import bars

    with bars(given.err) as progress, open_settings_store(settings) as store:
        report = import_tables(store.record, plan, rejects, progress)
        store.catch_up(progress)
    return report


def _show(given: Globals, report: ImportReport, output: Output) -> None:
    if output is Output.JSON:
        facts = {**dataclasses.asdict(report), "rejects": report.rejects and str(report.rejects)}
        print_json(given.out, json.dumps({**facts, "complete": report.complete}, indent=2))
        return
    for row in report.tables:
        counts = {"inserted": row.inserted, "updated": row.updated, "unchanged": row.unchanged}
        counts |= {"duplicate": row.duplicates, "rejected": row.rejected}
        came = "".join(f", {n:,} {what}" for what, n in counts.items() if n)
        line = f"{row.name}: {row.read:,} {row.kind} read{came}"
        given.out.print(line, markup=False, highlight=False, soft_wrap=True)
    for note in report.notes:
        given.err.print(f"note: {note}", style="yellow", highlight=False, markup=False)
    if report.rejects is not None:
        given.err.print(f"rejected rows are in {report.rejects}", style="yellow", markup=False, soft_wrap=True)
