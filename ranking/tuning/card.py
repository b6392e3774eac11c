"""The model card of an adapter, made from its manifest alone."""

from __future__ import annotations

from ranking.tuning.manifest import AdapterManifest, MeasuredRow, ValidationRecord


def model_card(manifest: AdapterManifest) -> str:
    """Markdown: what the adapter is, how to use it, how it was made and from what, and how good it was found to be."""
    parts = [
        _head(manifest),
        _training(manifest),
        _looks(manifest.training.validations),
        _measured(manifest.measured),
        _fusion(manifest.fusion),
        _data(manifest),
        _rebuilding(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(manifest: AdapterManifest) -> str:
    base, template = manifest.base, manifest.template
    layers = "" if base.layers is None else f", its first {base.layers} layers only"
    return f"""# {manifest.name}

A low-rank adapter (LoRA, rank {manifest.settings.rank}) that teaches a small language model to rank what a user may
want next. Made by FewRec; it is of no use without the model it was tuned on.

- Model: `{base.name}`, weights {base.digest[:12]}{layers}
- Prompts: strategy `{manifest.strategy}`, template `{template.name}` version {template.version} ({template.language},
  {template.digest}), at most {manifest.max_tokens:,} tokens
- Weights: {manifest.weights_bytes / 1e6:,.1f} MB, SHA-256 {manifest.weights_sha256}

Use it: `fewrec recommend USER --adapter FOLDER`, or set `model.adapter`. Scores compare candidates of one request; they
are no probabilities. With another template, or in a domain that the data below does not hold, measure it before you
trust it."""


def _training(manifest: AdapterManifest) -> str:
    training, settings = manifest.training, manifest.settings
    negatives = "all" if settings.max_negatives is None else f"at most {settings.max_negatives}"
    rows = [
        ("examples", f"{training.examples:,}"),
        ("validation examples", f"{training.validation:,}"),
        ("started from", training.start_adapter or "the model as it is"),
        ("steps", f"{training.steps:,} of {settings.batch} examples ({training.ended}), kept: {training.best_step:,}"),
        ("loss", f"{settings.loss}, {negatives} negatives a list"),
        ("learning rate", f"{settings.learning_rate:g}"),
        ("NDCG@10 on the validation examples", f"{_number(training.ndcg_before)} → {_number(training.ndcg_best)}"),
        ("seeds", ", ".join(f"{name} {seed}" for name, seed in sorted(manifest.seeds.items()))),
    ]
    return "## How it was tuned\n\n| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _looks(validations: tuple[ValidationRecord, ...]) -> str:
    if not validations:
        return ""
    head = "| step | loss in training | loss | NDCG@10 | of the model alone |\n|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| {one.step} | {_number(one.train_loss)} | {one.loss:.4f} | {one.ndcg:.4f} | {one.ndcg_alone:.4f} |"
        for one in validations
    )


def _measured(rows: tuple[MeasuredRow, ...]) -> str:
    if not rows:
        return "## Measured\n\nNothing but the validation above has been measured with this adapter."
    return "## Measured\n\n| on | measure | value | 95% interval | n |\n|---|---|---|---|---|\n" + "\n".join(
        f"| {row.case} | {row.metric} | {row.value:.4f} | {_interval(row)} | {row.n:,} |" for row in rows
    )


def _interval(row: MeasuredRow) -> str:
    return "–" if row.low is None or row.high is None else f"{row.low:.4f} to {row.high:.4f}"


def _fusion(weights: dict[str, float] | None) -> str:
    if weights is None:
        return ""
    listed = "\n".join(f"| {name} | {weight:.4f} |" for name, weight in weights.items())
    return f"## Fusion weights fitted with it\n\n| signal | weight |\n|---|---|\n{listed}"


def _data(manifest: AdapterManifest) -> str:
    terms = manifest.data_terms or "Not stated. The terms of the data that the examples were made from apply."
    listed = "\n".join(f"| {name} | {digest} |" for name, digest in sorted(manifest.data.items()))
    return f"## Data\n\n{terms}\n\n| data | digest |\n|---|---|\n{listed}"


def _rebuilding(manifest: AdapterManifest) -> str:
    command = f"```\n{manifest.command}\n```\n\n" if manifest.command else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(manifest.packages.items()))
    return f"## Making it anew\n\n{command}Made with {versions}."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
