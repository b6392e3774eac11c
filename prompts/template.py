"""Templates: versioned YAML files under prompts/templates/, or a file of the user's own."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError

from prompts.errors import TemplateError
from prompts.sections import Kind, Sections, Words
from prompts.types import TemplateRef
from retrieval.errors import one_line

_SUFFIX = ".yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A checked template, ready to render."""

    ref: TemplateRef
    kind: Kind
    sections: Sections

    @property
    def name(self) -> str:
        """The template's name, as in its file."""
        return self.ref.name

    def words(self, domain: str | None) -> Words:
        """The words of a domain; the default ones for None and for a domain the file does not know."""
        known = self.sections.words
        return known.get((domain or "default").casefold(), known["default"])


def list_templates() -> tuple[TemplateRef, ...]:
    """The shipped templates, by name and language."""
    shipped = [load_bytes(source.read_bytes(), source.name).ref for source in _shipped().values()]
    return tuple(sorted(shipped, key=lambda ref: (ref.name, ref.language)))


def load_template(name: str, language: str = "en") -> Template:
    """The shipped template of that name and language; a name ending in .yaml or .yml is the path of a file.

    Raises TemplateError if there is none (with the nearest name that exists), or if the file cannot be used.
    """
    if name.endswith((".yaml", ".yml")):
        return _load_own(Path(name), language)
    shipped = _shipped()
    source = shipped.get(f"{name}.{language}")
    if source is None:
        raise TemplateError(_not_found(name, language, sorted(shipped)))
    return load_bytes(source.read_bytes(), source.name)


def load_bytes(content: bytes, filename: str) -> Template:
    """The template in a file's content. Errors name the file; the digest is that of the content."""
    try:
        data = yaml.safe_load(content.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{filename}: not readable as YAML in UTF-8: {one_line(error)}") from error
    if not isinstance(data, dict):
        raise TemplateError(f"{filename}: a template is a mapping of sections, starting with name")
    try:
        sections = Sections.model_validate(data)
    except ValidationError as error:
        raise TemplateError(f"{filename}: {_explain(error)}") from error
    ref = TemplateRef(
        name=sections.name,
        version=sections.version,
        language=sections.language,
        digest=hashlib.sha256(content).hexdigest()[:12],
    )
    return Template(ref=ref, kind=sections.kind, sections=sections)


def _shipped() -> dict[str, Traversable]:
    folder = resources.files("prompts") / "templates"
    return {entry.name.removesuffix(_SUFFIX): entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIX)}


def _load_own(path: Path, language: str) -> Template:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TemplateError(f"{path}: cannot read this template file ({error.strerror})") from error
    template = load_bytes(content, str(path))
    if template.ref.language != language:
        raise TemplateError(
            f"{path}: its language is {template.ref.language!r}, but {language!r} is asked for; set the language too"
        )
    return template


def _not_found(name: str, language: str, keys: list[str]) -> str:
    languages = [key.rpartition(".")[2] for key in keys if key.rpartition(".")[0] == name]
    if languages:
        return f"template {name!r} does not exist in language {language!r}; it exists in {', '.join(languages)}"
    names = sorted({key.rpartition(".")[0] for key in keys})
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no template named {name!r}; {hint}shipped: {', '.join(names)}; a file of your own must end in .yaml"


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"section {where} is missing"
    if first["type"] == "extra_forbidden":
        return f"section {where} is unknown"
    message = one_line(first["msg"].removeprefix("Value error, "))
    return f"{where}: {message}" if where else message
