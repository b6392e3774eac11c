"""Names of arms, taken apart: the arm and the grid values in brackets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmName:
    """An arm's name, such as "zero-shot[strategy=likelihood,shots=2]", taken apart."""

    base: str
    values: tuple[tuple[str, str], ...]
    """(setting, value), in the order of the name."""

    def number(self, setting: str) -> float | None:
        """The value of a setting where it is a number."""
        for key, value in self.values:
            if key.rpartition(".")[2] == setting:
                try:
                    return float(value)
                except ValueError:
                    return None
        return None

    def without(self, setting: str) -> str:
        """The name with that setting left out, which is what the arms of one curve share."""
        kept = [f"{key}={value}" for key, value in self.values if key.rpartition(".")[2] != setting]
        return f"{self.base}[{','.join(kept)}]" if kept else self.base


def parse_name(name: str) -> ArmName:
    """Takes a name apart; one without brackets is all base."""
    base, bracket, rest = name.partition("[")
    if not bracket or not rest.endswith("]"):
        return ArmName(base=name, values=())
    pairs = [part.partition("=") for part in rest[:-1].split(",")]
    if not all(equals for _, equals, _ in pairs):
        return ArmName(base=name, values=())
    return ArmName(base=base, values=tuple((key.strip(), value.strip()) for key, _, value in pairs))


def short_name(name: str, longest: int = 34) -> str:
    """The name for a plot: settings without their keys, except where the value is a bare number."""
    parsed = parse_name(name)
    words = [parsed.base]
    for key, value in parsed.values:
        bare = value.replace(".", "", 1).isdigit()
        words.append(f"{value} {key.rpartition('.')[2]}" if bare else value)
    text = f"{words[0]} {', '.join(words[1:])}".rstrip()
    return text if len(text) <= longest else text[: longest - 1] + "…"
