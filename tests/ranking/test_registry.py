"""What serves, whatever goes wrong on the way."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ranking.errors import AdapterFolderError, ModelError, PromotionError
from ranking.factory import promotion_for, served_settings
from ranking.registry import AdapterRegistry, Difference, Evidence
from ranking.settings import ModelSettings, Settings
from ranking.shipped import SHIPPED_FOLDER
from ranking.tuning.adapter import Adapter, read_adapter
from tests.ranking.made_adapter import make_adapter

EVIDENCE = Evidence(
    run="store",
    data="d" * 64,
    metric="ndcg@10",
    n=200,
    differences=(Difference(against="signals", label=None, value=0.1, low=0.05, high=0.15, p=0.001),),
)
MODEL = "smollm2-135m-instruct"


def promote(registry: AdapterRegistry, adapter: Adapter, over: str | None = None) -> str:
    rival = None if over is None else registry.find(over)
    return registry.promote(adapter, model=MODEL, evidence=EVIDENCE, over=rival).label


def copy_of(registry: AdapterRegistry, label: str) -> Path:
    return registry.find(label).folder


def serving(registry: AdapterRegistry) -> str | None:
    current = registry.current()
    return None if current is None else read_adapter(current.folder).manifest.label


def fused(registry: AdapterRegistry) -> dict[str, float] | None:
    current = registry.current()
    return None if current is None else read_adapter(current.folder).manifest.fusion


def test_promotions_and_rollbacks_are_a_history_that_only_grows(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    assert (registry.current(), registry.stamp(), registry.kept()) == (None, None, ())
    first = promote(registry, make_adapter(tmp_path / "a", b"first"))
    stamp = registry.stamp()
    second = promote(registry, make_adapter(tmp_path / "b", b"second"), first)
    assert registry.stamp() != stamp
    assert serving(registry) == second
    back = registry.rollback()
    assert back is not None
    assert (back.label, back.evidence, serving(registry)) == (first, EVIDENCE, first)
    assert registry.rollback() is None
    assert serving(registry) is None
    with pytest.raises(PromotionError, match="nothing to roll back"):
        registry.rollback()
    told = [(event.kind, event.label) for event in registry.history()]
    assert told == [("promoted", first), ("promoted", second), ("rolled-back", first), ("rolled-back", None)]
    assert [kept.label for kept in registry.kept()] == [first, second]
    assert registry.find("films").label == second
    assert registry.find(first).label == first
    with pytest.raises(PromotionError, match=f"did you mean '{second}'"):
        registry.find(second[:-1])


def test_the_same_weights_with_other_fusion_weights_are_rolled_back(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    label = promote(registry, make_adapter(tmp_path / "a", fusion={"llm": 0.5}))
    first = registry.current()
    refitted = make_adapter(tmp_path / "b", fusion={"llm": 0.25})
    assert promote(registry, refitted, label) == label
    with pytest.raises(PromotionError, match="serves already"):
        promote(registry, refitted, label)
    with pytest.raises(PromotionError, match=f"{label}.* serves by now, not {label}"):
        registry.promote(make_adapter(tmp_path / "c", b"other"), model=MODEL, evidence=EVIDENCE, over=first)
    assert (fused(registry), len(registry.kept())) == ({"llm": 0.25}, 2)
    assert registry.rollback() == first
    assert fused(registry) == {"llm": 0.5}
    assert first is not None
    assert registry.find(first.folder.name) == first


def test_if_the_history_cannot_be_written_other_fusion_weights_do_not_serve(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    label = promote(registry, make_adapter(tmp_path / "a", fusion={"llm": 0.5}))
    (registry.folder / ".history.jsonl.draft").mkdir()  # where the new history would be written
    with pytest.raises(AdapterFolderError):
        promote(registry, make_adapter(tmp_path / "b", fusion={"llm": 0.25}), label)
    assert fused(registry) == {"llm": 0.5}


def test_copies_that_lie_under_their_labels_alone_serve_on(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    adapter = make_adapter(tmp_path / "a")
    label = promote(registry, adapter)
    copy_of(registry, label).rename(registry.folder / label)
    history = registry.folder / "history.jsonl"
    [event] = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
    del event["folder"]
    older = json.dumps(event, separators=(",", ":")) + "\n"
    history.write_text(older, encoding="utf-8")
    assert (serving(registry), copy_of(registry, label).name) == (label, label)
    with pytest.raises(PromotionError, match="serves already"):
        promote(registry, adapter, label)
    promote(registry, make_adapter(tmp_path / "b", fusion={"llm": 0.25}), label)
    assert history.read_text("utf-8").startswith(older)  # by which backups are compared
    registry.rollback()
    assert fused(registry) == {"llm": 0.5}


def test_the_copy_serves_on_when_the_folder_that_was_promoted_is_gone(own_folders: Path, tmp_path: Path) -> None:
    adapter, registry = make_adapter(tmp_path / "a"), AdapterRegistry(own_folders)
    label = promote(registry, adapter)
    (tmp_path / "a" / "adapter_model.safetensors").unlink()
    assert serving(registry) == label
    with pytest.raises(ModelError, match="is missing"):
        read_adapter(tmp_path / "a")


def test_what_is_cut_off_while_it_is_copied_never_serves(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    first = promote(registry, make_adapter(tmp_path / "a", b"first"))
    cut = make_adapter(tmp_path / "b", b"second")
    (tmp_path / "b" / "adapter_model.safetensors").write_bytes(b"sec")
    with pytest.raises(ModelError, match="has 3 bytes, not 6"):
        promote(registry, cut, first)
    assert serving(registry) == first
    assert sorted(path.name for path in registry.folder.iterdir()) == [
        ".lock",
        copy_of(registry, first).name,
        "history.jsonl",
    ]


def test_a_copy_that_was_damaged_is_made_anew(own_folders: Path, tmp_path: Path) -> None:
    registry, adapter = AdapterRegistry(own_folders), make_adapter(tmp_path / "a")
    label = promote(registry, adapter)
    (copy_of(registry, label) / "adapter_model.safetensors").write_bytes(b"")
    promote(registry, adapter, label)
    assert serving(registry) == label
    with pytest.raises(PromotionError, match="serves already"):
        promote(registry, adapter, label)


def test_a_rollback_to_damaged_files_is_refused(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    first = promote(registry, make_adapter(tmp_path / "a", b"first"))
    second = promote(registry, make_adapter(tmp_path / "b", b"second"), first)
    (copy_of(registry, first) / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="has 0 bytes"):
        registry.rollback()
    assert serving(registry) == second


def test_of_promotions_at_the_same_time_one_wins(own_folders: Path, tmp_path: Path) -> None:
    adapters = [make_adapter(tmp_path / str(n), str(n).encode()) for n in range(6)]

    def attempt(adapter: Adapter) -> str | None:
        try:
            return promote(AdapterRegistry(own_folders), adapter)
        except PromotionError as error:
            assert "serves by now" in str(error)
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [label for label in pool.map(attempt, adapters) if label is not None]
    assert won == [serving(AdapterRegistry(own_folders))]


def test_a_process_that_is_killed_before_the_history_is_written_changes_nothing(
    own_folders: Path, tmp_path: Path
) -> None:
    registry = AdapterRegistry(own_folders)
    first = promote(registry, make_adapter(tmp_path / "a", b"first"))
    second = make_adapter(tmp_path / "b", b"second")
    code = (
        "import os, sys; from pathlib import Path; import ranking.registry as r\n"
        "from ranking.tuning.adapter import read_adapter; from tests.ranking.test_registry import EVIDENCE, MODEL\n"
        "class Killed(r.AdapterRegistry):\n"
        "    def _write(self, history): os._exit(9)\n"
        "adapter = read_adapter(Path(sys.argv[2]))\n"
        "registry = Killed(Path(sys.argv[1])); now = registry.current()\n"
        "registry.promote(adapter, model=MODEL, evidence=EVIDENCE, over=now)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(own_folders), str(tmp_path / "b")],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 9
    assert serving(registry) == first
    assert promote(registry, second, first) == serving(registry)


def test_where_the_disk_is_full_what_served_goes_on_serving(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    first, second = promote(registry, make_adapter(tmp_path / "a")), make_adapter(tmp_path / "b", b"x" * 10_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(AdapterFolderError, match=r"cannot be kept in .* what served goes on serving"):
            promote(registry, second, first)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (serving(registry), [kept.label for kept in registry.kept()]) == (first, [first])


def test_a_history_that_cannot_be_read_is_told_with_its_line(own_folders: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(own_folders)
    promote(registry, make_adapter(tmp_path / "a"))
    with (registry.folder / "history.jsonl").open("a") as file:
        file.write('{"at": "now"\n')
    with pytest.raises(PromotionError, match="line 2 cannot be read"):
        registry.current()


def test_settings_say_whether_the_promoted_adapter_serves(own_folders: Path, tmp_path: Path) -> None:
    assert served_settings(Settings()).model.adapter == SHIPPED_FOLDER
    for other in (Settings(tuned=False), Settings(strategy="likelihood"), Settings(prompt={"template": "likelihood"})):
        assert served_settings(other) == other  # it knows yes-or-no questions only
    assert served_settings(Settings(prompt={"template": "recency-focused"})).model.adapter == SHIPPED_FOLDER
    assert served_settings(Settings(model=ModelSettings(name="other/model"))).model.adapter is None
    registry = AdapterRegistry(own_folders)
    label = promote(registry, make_adapter(tmp_path / "a"))
    assert served_settings(Settings()).model.adapter == copy_of(registry, label)
    assert promotion_for(Settings(tuned=False)) is None
    assert promotion_for(Settings(model=ModelSettings(adapter=tmp_path))) is None
    assert promotion_for(Settings(model=ModelSettings(name="other/model"))) is None
