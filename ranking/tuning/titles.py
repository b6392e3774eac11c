"""A self-supervised stage before tuning: an adapter learns to name titles, from unlabelled behaviour and catalogues.

The prompts are those of the strategy likelihood: what comes next after a history, or what a description is of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from prompts.render import render
from prompts.template import Template
from prompts.types import PromptContext, TemplateRef, TokenBudget
from ranking.engines.encoding import EncodedPrompt
from ranking.engines.packed_model import PackedModel, load_model, piece_of
from ranking.engines.packing import Share, plan
from ranking.errors import TuningError
from ranking.settings import ModelSettings
from ranking.strategies.likelihood import Likelihood
from ranking.tuning.adapter import find_manifest, write_adapter
from ranking.tuning.config import TuningSettings
from ranking.tuning.examples import derived_seed
from ranking.tuning.lora import Lora
from ranking.tuning.manifest import AdapterManifest, BaseModelRef, TemplateRecord, TrainingRecord
from ranking.tuning.optimizer import Optimizer
from ranking.tuning.run_digest import digests, must_agree
from ranking.tuning.trainer import PACKAGES, for_tuning
from ranking.tuning.weights import weights_file


def learn_titles(
    settings: TuningSettings,
    model: ModelSettings,
    cache: Path,
    template: Template,
    max_tokens: int,
    contexts: Sequence[PromptContext],
    output: Path,
) -> AdapterManifest:
    """Writes an adapter of the untuned model that tuning can start from.

    The loss is the mean negative log-likelihood of a title's tokens; each context has one candidate, whose title is
    to be named. They are seen once, in their order, settings.batch at a step. A finished folder is returned as it is.
    Raises TuningError for another run's folder, without contexts, and for a loss that is no number.
    """
    if not contexts:
        raise TuningError("there are no titles to learn")
    core = load_model(for_tuning(model), cache, layers=settings.layers)
    budget = TokenBudget(max_tokens=max_tokens, count_tokens=core.encoder.count_tokens)
    rendered = [render(template, context, budget, core.encoder.control_tokens) for context in contexts]
    prompts = [core.encoder.encode(prompt) for prompt in rendered]
    seen = hashlib.sha256("\n".join(prompt.digest for prompt in rendered).encode()).hexdigest()
    parts = digests({"settings": settings.model_dump(mode="json"), "model": core.revision, "titles": seen})
    if (there := find_manifest(output)) is not None:
        must_agree(output, there.run, parts)
        return there
    lora = Lora(core.model, settings, derived_seed(settings.seed, "adapter"))
    steps = _learn(core, lora, settings, prompts)
    base = BaseModelRef(name=model.name, digest=core.revision, layers=settings.layers)
    training = _training(len(prompts), steps)
    manifest = _manifest(settings, base, template.ref, max_tokens, training, seen, parts, output.name)
    output.mkdir(parents=True, exist_ok=True)
    weights = weights_file(lora.weights(), settings.stored_as)
    return write_adapter(output, manifest, weights, lora.config(model.name), "Nothing was kept")


def _training(n: int, steps: int) -> TrainingRecord:
    return TrainingRecord(
        examples=n, validation=0, steps=steps, best_step=steps, ndcg_before=None, ndcg_best=None,
        ended="finished", start_adapter=None, validations=(),
    )  # fmt: skip


def _manifest(
    settings: TuningSettings,
    base: BaseModelRef,
    ref: TemplateRef,
    max_tokens: int,
    training: TrainingRecord,
    seen: str,
    parts: dict[str, str],
    name: str,
) -> AdapterManifest:
    return AdapterManifest(
        name=name,
        base=base,
        template=TemplateRecord(name=ref.name, version=ref.version, language=ref.language, digest=ref.digest),
        strategy=Likelihood.name,
        max_tokens=max_tokens,
        settings=settings,
        seeds={"tuning": settings.seed},
        data={"titles": seen},
        data_terms=None,
        command=None,
        training=training,
        packages={package: version(package) for package in PACKAGES},
        run=parts,
        weights_sha256="",
        weights_bytes=0,
    )


def _learn(core: PackedModel, lora: Lora, settings: TuningSettings, prompts: Sequence[EncodedPrompt]) -> int:
    batches = [prompts[at : at + settings.batch] for at in range(0, len(prompts), settings.batch)]
    optimizer = Optimizer(lora.parameters, settings, len(batches))
    core.model.train()
    for step, batch in enumerate(batches):
        torch.manual_seed(derived_seed(settings.seed, "dropout", step))
        for shares in plan([prompt.shape for prompt in batch], settings.max_pass_tokens):
            loss = torch.stack(title_losses(core, batch, shares)).sum() / len(batch)
            if not torch.isfinite(loss):
                raise TuningError(f"the loss of step {step + 1} is {loss.item()}; lower learning_rate")
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(step)
    return len(batches)


def title_losses(core: PackedModel, prompts: Sequence[EncodedPrompt], shares: Sequence[Share]) -> list[Tensor]:
    """Mean negative log-likelihood of the tokens of each share's title, in nats."""
    passed = core.forward([piece_of(prompts[share.prompt], share) for share in shares])
    head = core.model.get_output_embeddings()
    losses = []
    for share, span in zip(shares, passed.packed.spans, strict=True):
        [branch], [start] = prompts[share.prompt].branches, span.branch_starts
        # The first token is predicted by the prefix's last one, every other by the one before it.
        rows = [span.prefix_end - 1, *range(start, start + len(branch.fed))]
        logits = head(passed.hidden[torch.tensor(rows, device=passed.hidden.device)]).float()
        losses.append(functional.cross_entropy(logits, torch.tensor(branch.targets, device=logits.device)))
    return losses
