from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranking.access_settings import AccessSettings
from ranking.errors import ConfigError
from retrieval.errors import InputError, NotFoundError, StoreError
from service.keys.access import access_for
from service.keys.key import Scope
from service.keys.ring import FILE, KeyRing

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there


def test_a_key_opens_until_it_ends_and_its_secret_is_nowhere(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    issued = ring.create("shop", [Scope.READ, Scope.READ], now=0, expires_at=10)

    assert ring.holder(issued.text, 9) == issued.key
    assert ring.holder(issued.text, 10) is None
    assert (issued.key.state(9), issued.key.state(10)) == ("valid", "expired")
    assert issued.key.scopes == (Scope.READ,)
    secret = issued.text.split("_", 2)[2]
    assert len(secret) == 43  # 32 bytes
    assert secret not in (tmp_path / FILE).read_text(encoding="utf-8")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", ["", "fewrec", "fewrec_", "x_{id}_{secret}", "fewrec_{id}_", "fewrec_{id}_é\ud800"])
def test_what_is_not_quite_the_key_opens_nothing(tmp_path: Path, change: str) -> None:
    ring = KeyRing(tmp_path)
    issued = ring.create("shop", [Scope.READ], now=0, expires_at=None)
    _, key_id, secret = issued.text.split("_", 2)
    assert ring.holder(issued.text, 0) is not None
    assert ring.holder(change.format(id=key_id, secret=secret), 0) is None


def test_another_ring_sees_a_revoked_key_at_once_and_for_good(tmp_path: Path) -> None:
    ring, service = KeyRing(tmp_path), KeyRing(tmp_path)
    issued = ring.create("shop", [Scope.READ], now=0, expires_at=None)
    assert service.holder(issued.text, 1) is not None

    ring.revoke(issued.key.key_id, now=2)
    assert ring.revoke(issued.key.key_id, now=3).revoked_at == 2
    assert service.holder(issued.text, 1) is None
    assert [key.state(1) for key in service.all()] == ["revoked"]
    with pytest.raises(InputError, match="was revoked"):
        ring.rotate(issued.key.key_id, now=4, expires_at=None, overlap_s=1)


def test_rotation_leaves_the_old_secret_for_the_overlap_and_no_longer_than_it_had(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    first = ring.create("shop", [Scope.WRITE], now=0, expires_at=100, requests_per_minute=7)
    second = ring.rotate(first.key.key_id, now=50, expires_at=None, overlap_s=10)
    assert second.key.key_id == first.key.key_id
    assert (second.key.scopes, second.key.requests_per_minute) == ((Scope.WRITE,), 7)
    assert [ring.holder(one.text, 59) is not None for one in (first, second)] == [True, True]
    assert [ring.holder(one.text, 60) is not None for one in (first, second)] == [False, True]

    third = ring.rotate(first.key.key_id, now=55, expires_at=200, overlap_s=10)
    assert [ring.holder(one.text, 56) is not None for one in (first, second, third)] == [False, True, True]
    short = ring.create("job", [Scope.READ], now=0, expires_at=5)
    ring.rotate(short.key.key_id, now=0, expires_at=None, overlap_s=1000)
    assert ring.holder(short.text, 5) is None


def test_a_file_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    issued = ring.create("shop", [Scope.READ], now=0, expires_at=None)
    (tmp_path / FILE).write_text('{"keys": [{}]}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"keys\.json holds no keys"):
        ring.holder(issued.text, 0)
    (tmp_path / FILE).unlink()
    assert ring.holder(issued.text, 0) is None
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        ring.all()


def test_unknown_ids_and_names_of_several_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no key 'x'"):
        KeyRing(tmp_path).revoke("x", now=0)
    with pytest.raises(InputError, match="one line"):
        KeyRing(tmp_path).create("a\nb", [Scope.READ], now=0, expires_at=None)


def test_elsewhere_than_on_loopback_a_valid_key_is_needed(tmp_path: Path) -> None:
    settings = AccessSettings()
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert access_for(tmp_path, settings, host).keys is None
    KeyRing(tmp_path).create("old", [Scope.READ], now=0, expires_at=1)
    for host in (EVERYWHERE, "", "::", "192.168.1.2", "shop.example"):
        with pytest.raises(ConfigError, match="fewrec keys create"):
            access_for(tmp_path, settings, host)
    with pytest.raises(ConfigError, match="keys_on_loopback"):
        access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1")

    KeyRing(tmp_path).create("new", [Scope.READ], now=0, expires_at=None)
    assert access_for(tmp_path, settings, EVERYWHERE).hosts == {"localhost", "127.0.0.1", "::1"}
    assert "192.168.1.2" in access_for(tmp_path, settings, "192.168.1.2").hosts
    assert access_for(tmp_path, AccessSettings(keys_on_loopback=True), "127.0.0.1").keys is not None


def test_the_file_keeps_digests_only(tmp_path: Path) -> None:
    KeyRing(tmp_path).create("shop", [Scope.READ], now=0, expires_at=None)
    (kept,) = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["keys"]
    assert set(kept["secrets"][0]) == {"sha256", "expires_at"}
