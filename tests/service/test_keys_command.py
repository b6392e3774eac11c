from __future__ import annotations

import json
import time
from pathlib import Path

from typer.testing import CliRunner, Result

from service.cli.main import app
from service.exit_codes import ExitCode
from service.keys.ring import KeyRing


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_key_is_made_listed_exchanged_and_ended(own_folders: Path) -> None:
    made = fewrec("keys", "create", "shop", "--scope", "read", "--scope", "write", "--rate", "5")
    text = made.stdout.strip()
    ring = KeyRing(own_folders)
    key = ring.holder(text, time.time())
    assert key is not None
    assert "shown once" in made.stderr
    assert text not in made.stderr

    (listed,) = json.loads(fewrec("keys", "list", "-o", "json").stdout)
    assert (listed["scopes"], listed["state"], listed["requests_per_minute"]) == (["read", "write"], "valid", 5)
    assert "secrets" not in listed
    told = fewrec("keys", "list").stdout
    assert "shop" in told
    assert listed["key_id"] in told

    newer = fewrec("keys", "rotate", key.key_id, "--overlap-hours", "0").stdout.strip()
    assert ring.holder(text, time.time()) is None
    assert ring.holder(newer, time.time()) is not None
    assert fewrec("keys", "revoke", key.key_id).exit_code == ExitCode.OK
    assert ring.holder(newer, time.time()) is None


def test_slips_have_a_code_and_a_line() -> None:
    assert fewrec("keys", "revoke", "nothing").exit_code == ExitCode.NOT_FOUND
    assert fewrec("keys", "create", "shop", "--scope", "all").exit_code == ExitCode.USAGE


def test_serving_to_others_without_a_key_is_refused_in_one_line() -> None:
    result = fewrec("serve", "--host", "shop.example")
    assert result.exit_code == ExitCode.USAGE
    assert "fewrec keys create" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_demo_is_served_with_the_keys_that_the_refusal_says_to_make() -> None:
    serve = ("serve", "--demo", "--host", "shop.example", "--model", "/no/such/folder")
    assert "fewrec keys create" in fewrec(*serve).stderr
    assert fewrec("keys", "create", "shop").exit_code == ExitCode.OK
    result = fewrec(*serve)
    assert "fewrec keys create" not in result.stderr
    assert "/no/such/folder" in result.stderr
