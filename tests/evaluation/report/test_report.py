"""The files of a report, from run folders that the harness's own writer made."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evaluation.errors import RunConfigError, RunFolderError, RunMismatchError
from evaluation.report.markdown import results_table
from evaluation.report.model import load_run
from evaluation.report.verdict import verdict_of
from evaluation.report.write import write_diff, write_report
from tests.evaluation.report.build import ARMS, FakeArm, example, outcomes, write_run

EVIL = "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} & | `x`"
FEW = tuple(arm for arm in ARMS if arm.name in {"embedding-max", "signals", "tuned-fused"})
GRID = tuple(arm for arm in ARMS if arm.name.startswith("zero-shot[strategy=likelihood"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with everything in it; tests copy it before they change it."""
    examples = [
        example("tuned-fused", 1, rank=1, baseline_rank=9),
        example("tuned-fused", 2, rank=None, baseline_rank=2, prompt=EVIL, target_title=EVIL),
    ]
    return write_run(
        tmp_path_factory.mktemp("runs") / "games",
        (*FEW, *GRID),
        examples=examples,
        scenarios=("shuffled-candidates", "history-1"),
        settings={"name": EVIL},
    )


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report([folder], tmp_path_factory.mktemp("out")).html.read_text()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open = tag
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._open in {"h1", "h2", "h3"} and data.strip():
            self.headings.append(data)


def _read(html: str) -> _Page:
    parsed = _Page()
    parsed.feed(html)
    return parsed


def test_the_page_needs_nothing_outside_it(page: str) -> None:
    parsed = _read(page)
    assert "script" not in parsed.tags
    assert not {"link", "img", "iframe"} & set(parsed.tags)
    assert all(link.startswith("#") for link in parsed.links)
    assert re.findall(r"url\((?!#)", page) == []
    assert re.findall(r"https?://(?!www\.w3\.org)", page) == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)


def test_the_page_has_every_section_and_plot(page: str) -> None:
    headings = _read(page).headings
    for wanted in ("Results", "Slices", "Bias", "Output contract", "Undefined numbers", "Best cases", "Worst cases"):
        assert wanted in headings
    for plot in ("Difference to the baseline", "NDCG@k by k", "What examples bring", "Quality against time"):
        assert f"<strong>{plot}" in page
    for plot in ("Position bias", "Popularity bias"):
        assert f'role="img" aria-label="{plot}"' in page


def test_what_a_run_holds_is_text_and_never_markup(page: str) -> None:
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }} {% raw %}" in page


def test_an_arm_may_be_called_anything(tmp_path: Path) -> None:
    arms = (FakeArm(name=f'a"b{EVIL}$x_1$', strength=2.0, llm=True), FakeArm(name="signals", strength=1.0))
    folder = write_run(tmp_path / "run", arms, baseline="signals", n_cases=10)
    html = write_report([folder], tmp_path).html.read_text()
    assert "script" not in _read(html).tags
    assert "$x_1$" in html


def test_plots_take_their_colours_from_the_page(page: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    colours = re.findall(r"#[0-9a-f]{6}\b", drawings)
    assert colours == []
    assert "var(--ink)" in drawings


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first, second = (write_report([folder], tmp_path / name) for name in ("a", "b"))
    for kind in ("html", "markdown", "json"):
        assert getattr(first, kind).read_bytes() == getattr(second, kind).read_bytes()


def test_json_holds_the_numbers_unrounded_and_no_path(folder: Path, tmp_path: Path) -> None:
    files = write_report([folder], tmp_path / "page.html")
    assert files.json == tmp_path / "page.json"
    text = files.json.read_text()
    run = json.loads(text)["runs"][0]
    stored = json.loads((folder / "metrics.json").read_text())["arms"]["signals"]["metrics"]["ndcg@10"]["value"]
    assert next(arm for arm in run["arms"] if arm["name"] == "signals")["metrics"]["ndcg@10"]["value"] == stored
    assert run["verdict"]["outcome"] in {"better", "unclear", "worse"}
    assert str(folder) not in text


def test_the_verdict_uses_the_numbers_of_the_aggregates(folder: Path) -> None:
    tuned = next(arm for arm in load_run(folder).arms if arm.name == "tuned-fused")
    assert tuned.against["embedding-max"] == tuned.differences["ndcg@10"]
    assert set(tuned.against) == {"embedding-max", "signals"}


def test_one_difference_has_one_p(tmp_path: Path) -> None:
    arms = [
        FakeArm(name="popularity", strength=0.85),
        FakeArm(name="embedding-max", strength=0.85),
        FakeArm(name="bm25", strength=1.0),
        FakeArm(name="signals", strength=1.05),
        FakeArm(name="tuned-fused", strength=1.2, llm=True),
        FakeArm(name="zero-shot", strength=0.9, llm=True),
    ]
    run = load_run(write_run(tmp_path / "run", arms, n_cases=60, baseline="signals"))
    tuned = next(arm for arm in run.arms if arm.name == "tuned-fused")
    shown = tuned.differences["ndcg@10"].p_holm
    assert shown is not None
    assert 0.001 < shown < 1
    row = next(line for line in results_table(run).splitlines() if line.startswith("| tuned-fused "))
    assert f" {shown:.3f} " in row
    assert f"p = {shown:.3f} corrected over 5 arms" in verdict_of(run).sentence


def test_markdown_tables_hold_the_same_numbers(folder: Path) -> None:
    run = load_run(folder)
    lines = results_table(run).splitlines()
    assert lines[0].startswith("| arm | NDCG@1 | NDCG@5 | NDCG@10 ")
    assert {line.count(" | ") for line in (lines[0], *lines[2:])} == {lines[0].count(" | ")}
    signals = next(arm for arm in run.arms if arm.name == "signals")
    value = signals.metrics["ndcg@10"].value
    assert value is not None
    row = next(line for line in lines if line.startswith("| signals "))
    assert f"{value * 100:.1f} (" in row
    assert next(line for line in lines if "*baseline*" in line).count(" – ") == 3


def test_undefined_is_a_dash_with_a_count(tmp_path: Path) -> None:
    arm = FakeArm(name="signals", strength=1.0)
    lines = [
        replace(line, target=None, rank=None, target_position=None) if place % 3 == 0 else line
        for place, line in enumerate(outcomes(arm, 30))
    ]
    folder = write_run(tmp_path / "some", [arm], lines=lines, baseline=None)
    table = results_table(load_run(folder))
    assert "10 undefined" in table
    lines = [replace(line, target=None, rank=None, target_position=None) for line in outcomes(arm, 30)]
    folder = write_run(tmp_path / "none", [arm], lines=lines, baseline=None)
    row = results_table(load_run(folder)).splitlines()[-1]
    assert row.count("– (30 undefined)") == 5
    assert "0.0" not in row
    files = write_report([folder], tmp_path)
    assert "No arm has a value of NDCG@10" in files.html.read_text()
    assert "NaN" not in files.json.read_text()


def test_one_arm_without_costs_and_examples(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [FakeArm(name="popularity", strength=1.0)], baseline="popularity")
    (folder / "costs.json").unlink()
    html = write_report([folder], tmp_path).html.read_text()
    assert "No LLM arm in this run: the best arm is popularity" in html
    assert "costs.json is missing" in html
    assert "examples.json is missing" in html
    assert "Difference to the baseline" not in html


def test_labelled_cases_have_a_calibration_plot_and_no_lists(tmp_path: Path) -> None:
    arms = (FakeArm(name="popularity", strength=0.0), FakeArm(name="tuned", strength=0.0, llm=True))
    lines = [
        replace(line, target=None, rank=None, target_position=None, label=float(place % 2), score=(place % 5 + 1) / 7)
        for arm in arms
        for place, line in enumerate(outcomes(arm, 30))
    ]
    folder = write_run(tmp_path / "labels", arms, lines=lines, baseline="popularity", metrics=("auc", "log-loss"))
    html = write_report([folder], tmp_path).html.read_text()
    assert "<strong>Calibration</strong>" in html
    assert "<strong>Difference to the baseline in AUC</strong>" in html
    assert "<strong>Popularity bias</strong>" not in html
    assert "@k by k" not in html


def test_targets_that_were_not_retrieved_lower_the_ceiling(tmp_path: Path) -> None:
    arm = FakeArm(name="signals", strength=1.0)
    lines = [
        replace(line, rank=None, target_position=None) if place < 12 else line
        for place, line in enumerate(outcomes(arm, 30))
    ]
    folder = write_run(tmp_path / "catalogue", [arm], lines=lines, baseline=None)
    markdown = write_report([folder], tmp_path).markdown.read_text()
    assert "### How far the candidates allow" in markdown
    assert "| signals | 18 of 30 | 60.0 | 60.0 |" in markdown


def test_several_runs_show_where_data_is_scarce(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / f"known-{known}", FEW, n_cases=20, data={"name": "games", "known_interactions": known})
        for known in (0, 4073, 389_718)
    ]
    html = write_report(runs, tmp_path / "out").html.read_text()
    assert "<strong>Where data is scarce</strong>" in html
    parsed = _read(html)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "389\u202f718" in html


def test_runs_that_give_other_data_one_name_are_refused(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, FEW, n_cases=5, digest=name) for name in ("a", "b")]
    with pytest.raises(RunMismatchError, match=r"a and .*b cannot be compared: both name their data 'amazon-games'"):
        write_report(runs, tmp_path)
    with pytest.raises(RunMismatchError, match="the digest of their data is"):
        write_diff(runs[0], runs[1], tmp_path)


def test_diff_pairs_arms_by_name(folder: Path, tmp_path: Path) -> None:
    stronger = (*FEW[:2], FakeArm(name="tuned-fused", strength=5.0, llm=True), FakeArm(name="new", strength=0.1))
    other = write_run(tmp_path / "other", stronger, settings={"shots": 4})
    files = write_diff(folder, other, tmp_path)
    html, markdown = files.html.read_text(), files.markdown.read_text()
    assert files.html.name == "diff.html"
    assert "Significantly changed in NDCG@10: tuned-fused better; 3 compared." in html
    assert "Only other has new." in html
    assert "+shots: 4" in markdown
    assert "<script>" not in html
    changes = {row["name"]: dict(row["changes"])["ndcg@10"] for row in json.loads(files.json.read_text())["arms"]}
    # The other two arms are the same in both runs, case by case.
    assert changes["signals"]["value"] == 0
    assert changes["tuned-fused"]["value"] > 0.1


def test_a_run_against_itself_has_not_changed(folder: Path, tmp_path: Path) -> None:
    html = write_diff(folder, folder, tmp_path).html.read_text()
    assert "No arm changed significantly in NDCG@10" in html
    assert "The configurations are the same." in html
    assert html.count(">−0</text>") == 0  # an axis around 0 alone still counts in steps


def test_two_runs_of_one_name_are_told_apart_by_their_folders(folder: Path, tmp_path: Path) -> None:
    files = write_diff(folder, Path(shutil.copytree(folder, tmp_path / "again")), tmp_path)
    assert files.markdown.read_text().startswith("# games against again\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("spec.json", None, "has no spec.json"),
        ("metrics.json", None, "has no metrics.json, so it is not a finished run"),
        ("metrics.json", "{", "cannot read .*metrics.json"),
        ("metrics.json", "{}", "holds numbers that this version cannot read"),
        ("spec.json", '{"format": 1}', "spec.json cannot be used"),
    ],
)
def test_a_folder_that_cannot_be_read_is_told(
    folder: Path, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    if content is None:
        (broken / name).unlink()
    else:
        (broken / name).write_text(content)
    with pytest.raises(RunFolderError, match=message):
        write_report([broken], tmp_path)


def test_no_folder_and_no_room_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        write_report([tmp_path / "absent"], tmp_path)
    with pytest.raises(RunConfigError, match="at least one"):
        write_report([], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write the report"):
        write_report([folder], tmp_path / "file" / "out")


def test_the_page_tells_how_varied_the_first_items_are(page: str) -> None:
    assert "catalogue coverage, %" in page
    assert "diversity" in page
