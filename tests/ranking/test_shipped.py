"""The shipped adapter: whole, small, and made for the packaged model and a shipped template."""

from __future__ import annotations

from pathlib import Path

from prompts.template import load_template
from ranking.settings import FusionWeights, ModelSettings, Settings
from ranking.shipped import SHIPPED, SHIPPED_FOLDER
from ranking.tuning.adapter import read_adapter
from ranking.tuning.manifest import WEIGHTS_FILE


def test_it_is_whole_and_small_and_says_what_it_comes_from() -> None:
    manifest = read_adapter(SHIPPED_FOLDER).manifest
    assert (SHIPPED_FOLDER / WEIGHTS_FILE).stat().st_size <= 12e6
    template = load_template(manifest.template.name, manifest.template.language)
    assert template.ref == manifest.tuned_prompts.template
    assert manifest.base.name == ModelSettings().name
    assert manifest.data_terms
    assert manifest.command == "fewrec tune films-and-goods --data-dir FOLDER"
    assert FusionWeights(**(manifest.fusion or {})) != FusionWeights()
    assert {"ml-100k", "amazon-industrial"} < set(manifest.data)


def test_settings_can_name_it() -> None:
    assert Settings(model={"adapter": SHIPPED}).model.adapter == SHIPPED_FOLDER
    assert Settings(model={"adapter": "shipped/else"}).model.adapter == Path("shipped/else")
