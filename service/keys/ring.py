"""The keys of one home folder, in keys.json.

They are kept in a file of their own and not in the record: a record may be restored from a backup, which must not bring
a revoked key back, and it may be at a database server whose readers need not know who has keys. The file is replaced at
once under a lock, so a running service, which looks at it before each request, sees a revoked key at the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from retrieval.errors import InputError, NotFoundError, StoreError
from retrieval.files import write_whole
from retrieval.lock import acquire
from service.keys.key import PREFIX, Issued, Key, Scope, Secret, digest_of, is_tenant_name, new_id, new_secret

FILE = "keys.json"
_WAIT_S = 30.0


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    stamp: tuple[int, int, int] | None
    keys: dict[str, Key]


class KeyRing:
    """Finds, makes and ends keys. Times are Unix seconds and come from the caller.

    Raises StoreError where the file cannot be read or written: nobody is let in then.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / FILE
        self._read = _Read(stamp=None, keys={})

    def all(self) -> tuple[Key, ...]:
        """All keys, also those that ended, oldest first."""
        return tuple(self._current().values())

    def holder(self, text: str, now: float) -> Key | None:
        """The key of that text; None where it is malformed, unknown, expired or revoked."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        key = self._current().get(key_id) if prefix == PREFIX else None
        return key if key is not None and key.opened_by(secret, now) else None

    def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        now: float,
        expires_at: float | None,
        requests_per_minute: int | None = None,
        tenant: str | None = None,
    ) -> Issued:
        """A new key; its text is in what comes back and nowhere else.

        Raises InputError for a name that is no line, or a tenant's name that is not plain.
        """
        if not name.strip() or not name.isprintable() or len(name) > 100:
            raise InputError("a key's name is one line of 1 to 100 characters, such as shop-frontend")
        if tenant is not None and not is_tenant_name(tenant):
            raise InputError(f"{tenant!r} names no tenant: lower-case letters, digits and dashes, at most 63")
        secret = new_secret()
        key = Key(
            key_id=new_id(),
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            created_at=now,
            secrets=(Secret(sha256=digest_of(secret), expires_at=expires_at),),
            requests_per_minute=requests_per_minute,
            tenant=tenant,
        )
        with self._changing() as keys:
            keys[key.key_id] = key
        return _issued(key, secret)

    def revoke(self, key_id: str, *, now: float) -> Key:
        """Ends a key, with all its secrets, for good; it stays in the list. Raises NotFoundError."""
        with self._changing() as keys:
            key = _find(keys, key_id)
            if key.revoked_at is None:
                keys[key_id] = key.model_copy(update={"revoked_at": now})
            return keys[key_id]

    def rotate(self, key_id: str, *, now: float, expires_at: float | None, overlap_s: float) -> Issued:
        """A new secret of the same key; the one before it stays valid for `overlap_s`, and no older one does.

        Raises NotFoundError, or InputError for a key that was revoked.
        """
        secret = new_secret()
        with self._changing() as keys:
            key = _find(keys, key_id)
            if key.revoked_at is not None:
                raise InputError(f"key {key_id} was revoked; make another one: fewrec keys create {key.name}")
            before = key.secrets[-1]
            end = now + overlap_s if before.expires_at is None else min(before.expires_at, now + overlap_s)
            fresh = Secret(sha256=digest_of(secret), expires_at=expires_at)
            ending = before.model_copy(update={"expires_at": end})
            keys[key_id] = key.model_copy(update={"secrets": (ending, fresh)})
            return _issued(keys[key_id], secret)

    def _current(self) -> dict[str, Key]:
        try:
            found = self._file.stat()
            stamp = (found.st_size, found.st_mtime_ns, found.st_ino)
            if stamp != self._read.stamp:
                content = _Content.model_validate_json(self._file.read_bytes())
                self._read = _Read(stamp=stamp, keys={key.key_id: key for key in content.keys})
        except (FileNotFoundError, NotADirectoryError):
            self._read = _Read(stamp=None, keys={})
        except OSError as error:
            raise StoreError(f"{self._file} cannot be read: {error.strerror or error}") from error
        except ValidationError as error:
            raise StoreError(
                f"{self._file} holds no keys that can be read ({error.error_count()} slips); put it right, or remove "
                "it and make new keys"
            ) from error
        return self._read.keys

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        lock = acquire(
            self._file.with_name("keys.lock"), busy=f"another process is changing {self._file}", timeout=_WAIT_S
        )
        try:
            keys = dict(self._current())
            yield keys
            write_whole(self._file, _Content(keys=tuple(keys.values())).model_dump_json(indent=1).encode())
            self._file.chmod(0o600)
        except OSError as error:
            raise StoreError(f"{self._file} cannot be written: {error.strerror or error}") from error
        finally:
            lock.release()


def _find(keys: dict[str, Key], key_id: str) -> Key:
    if key_id not in keys:
        raise NotFoundError(f"no key {key_id!r}; the ids are in: fewrec keys list")
    return keys[key_id]


def _issued(key: Key, secret: str) -> Issued:
    return Issued(key=key, text=f"{PREFIX}_{key.key_id}_{secret}")
