"""What a tenant may have of its own: settings, templates, adapters; and what it may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prompts.template import load_template
from ranking.errors import ConfigError
from ranking.factory import choose_template, promotion_for, served_settings
from ranking.registry import AdapterRegistry, Evidence
from ranking.settings import load_settings
from retrieval.record import Record
from retrieval.types import Item
from service.cli.main import app
from service.exit_codes import ExitCode
from service.tenants import list_tenants, tenant_home, tenant_settings
from tests.ranking.made_adapter import make_adapter

TEMPLATE = Path(__file__).parents[2] / "prompts" / "templates" / "sequential.en.yaml"


def own(home: Path, text: str, name: str = "one") -> Path:
    folder = tenant_home(home, name)
    folder.mkdir(parents=True)
    (folder / "settings.yaml").write_text(text, encoding="utf-8")
    return folder


def test_its_own_settings_lie_over_the_services(own_folders: Path) -> None:
    settings = load_settings(retrieval={"n_candidates": 30, "per_source": 50}, fusion={"llm": 0.5})
    folder = own(own_folders, "retrieval: {n_candidates: 7}\nquota: {items: 10, requests_per_day: 100}\n")
    found = tenant_settings(settings, "one")
    assert (found.home, found.runs) == (folder, folder / "runs")
    assert (found.retrieval.n_candidates, found.retrieval.per_source, found.fusion.llm) == (7, 50, 0.5)
    assert (found.quota.items, found.quota.users, found.quota.requests_per_day) == (10, None, 100)
    other = tenant_settings(settings, "two")
    assert (other.retrieval, other.quota) == (settings.retrieval, settings.quota)
    assert list_tenants(own_folders) == ["one"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: {name: other}", "a tenant cannot change model, only arrangement"),
        ("access: {hosts: ['*']}", "cannot change access"),
        ("quota: {items: -1}", "setting quota.items"),
        ("- 1", "must hold names and values"),
        ("a: [", "cannot read the tenant's settings"),
        ("prompt: {template: ../../x.yaml}", "lies outside of"),
        ("prompt: {template: /etc/x.yaml}", "lies outside of"),
    ],
)
def test_what_a_tenant_may_not_have_is_told(own_folders: Path, text: str, told: str) -> None:
    own(own_folders, text)
    with pytest.raises(ConfigError, match=told):
        tenant_settings(load_settings(), "one")


def test_its_own_template_is_in_its_home(own_folders: Path) -> None:
    folder = own(own_folders, "prompt: {template: ours.yaml}\n")
    (folder / "templates").mkdir()
    text = TEMPLATE.read_text(encoding="utf-8").replace("name: sequential", "name: ours")
    (folder / "templates" / "ours.yaml").write_text(text, encoding="utf-8")
    assert choose_template(tenant_settings(load_settings(), "one")).name == "ours"


def test_a_template_of_the_service_is_the_tenants_too(own_folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    file.write_bytes(TEMPLATE.read_bytes())
    own(own_folders, "prompt: {max_tokens: 512}\n")
    found = tenant_settings(load_settings(prompt={"template": str(file)}), "one")
    assert found.prompt.max_tokens == 512
    assert choose_template(found).ref == load_template("sequential").ref


def test_an_adapter_is_promoted_for_one_tenant_alone(own_folders: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter")
    settings = load_settings(model={"name": "tiny"})
    evidence = Evidence(run="r", data="d" * 64, metric="ndcg@10", n=1, differences=())
    AdapterRegistry(tenant_home(own_folders, "one")).promote(adapter, model="tiny", evidence=evidence, over=None)
    one, two = (tenant_settings(settings, name) for name in ("one", "two"))
    assert promotion_for(one) is not None
    assert promotion_for(two) is None
    assert served_settings(one).model.adapter != served_settings(two).model.adapter


def test_the_command_tells_how_full_they_are(own_folders: Path) -> None:
    record = Record.open(str(own(own_folders, "quota: {items: 5}\n") / "record.db"))
    record.put_items([Item(item_id="a", title="A")])
    record.close()
    own(own_folders, "model: {}\n", "two")
    own(own_folders, "", "three")
    result = CliRunner().invoke(app, ["tenants", "-o", "json"])
    assert result.exit_code == ExitCode.OK
    told = {entry["tenant"]: entry for entry in json.loads(result.stdout)}
    assert told["one"]["quota"]["items"] == {"taken": 1, "allowed": 5}
    assert "cannot change model" in told["two"]["problem"]
    assert told["three"]["quota"] is None
    assert "1 of 5" in CliRunner().invoke(app, ["tenants"]).stdout
