"""Fills the page's templates. Everything from a run is untrusted: Jinja escapes it, only our own SVG and CSS pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from evaluation.report import plots_curves, tables
from evaluation.report.plots_canvas import Plot
from evaluation.report.sections import run_page
from evaluation.report.types import Run

_PACKAGE = "evaluation.report"
_FOLDER = "page"


def report_html(runs: Sequence[Run]) -> str:
    """The whole page, with nothing outside it."""
    pages = [run_page(run, f"run-{place}") for place, run in enumerate(runs, start=1)]
    title = f"{runs[0].name}: evaluation report" if len(runs) == 1 else f"Evaluation report of {len(runs)} runs"
    scarcity = plots_curves.scarcity(runs)
    return render(
        "report.html.j2",
        title=title,
        pages=pages,
        overview=tables.overview(runs),
        overview_plots=[] if scarcity is None else [scarcity],
    )


def render(template: str, **values: object) -> str:
    """A filled template."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(svg=_svg, breakable=_breakable)
    css = resources.files(_PACKAGE).joinpath(_FOLDER, "report.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(css=Markup(css), **values) + "\n"  # noqa: S704 (our own file)


def _svg(plot: Plot) -> Markup:
    return Markup(plot.svg)  # noqa: S704 (matplotlib escapes the names in it)


def _breakable(text: str) -> Markup:
    """The text, escaped, with places where a long name of an arm may go on in the next line."""
    return Markup(re.sub(r"([\[,=])(?=\S)", r"\1<wbr>", str(escape(text))))  # noqa: S704 (escaped just here)
