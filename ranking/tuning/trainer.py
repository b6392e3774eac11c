"""Tunes an adapter on lists of candidates, with the packed forward pass that serves them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from prompts.template import Template
from ranking.engines.packed_model import load_model
from ranking.errors import AdapterFolderError, ConfigError, ModelError, TuningError
from ranking.settings import ModelSettings
from ranking.strategies.yes_no import YesNo
from ranking.tuning.adapter import Adapter, find_manifest, read_adapter, write_adapter
from ranking.tuning.checkpoint import read_checkpoint, remove_checkpoint
from ranking.tuning.config import TuningSettings
from ranking.tuning.examples import EncodedSet, Encoder, derived_seed
from ranking.tuning.files import check_folder
from ranking.tuning.interrupt import Interruption
from ranking.tuning.lora import Lora
from ranking.tuning.manifest import AdapterManifest, BaseModelRef, TemplateRecord, TrainingRecord
from ranking.tuning.run import Outcome, Run
from ranking.tuning.run_digest import digests, must_agree
from ranking.tuning.types import OnProgress, Progressed, Provenance, Tuned, TuningExample, Validation
from ranking.tuning.weights import read_weights, weights_file
from retrieval.errors import one_line

_PACKAGES = ("peft", "safetensors", "tokenizers", "torch", "transformers")
"""Whose versions the weights depend on."""


def tune(
    settings: TuningSettings,
    model: ModelSettings,
    cache: Path,
    template: Template,
    max_tokens: int,
    examples: Sequence[TuningExample],
    validation: Sequence[TuningExample],
    output: Path,
    progress: OnProgress | None = None,
    *,
    provenance: Provenance | None = None,
) -> Tuned:
    """Tunes an adapter of the model on the examples and writes its folder.

    model.adapter, if set, is what tuning starts from. The examples are put into words by a yes-no template within
    max_tokens, as the strategy yes-no does when it serves. Of the adapters seen at the looks at the validation
    examples the one of the highest NDCG@10 is kept (the earliest of equals); without validation examples the last one.

    The output folder is locked. A run that was killed goes on from its last checkpoint when it is called again with the
    same arguments and ends in the same result; a finished one returns at once. Ctrl-C keeps the best so far; before the
    first step, where there is nothing to keep, it is passed on as KeyboardInterrupt. Raises TuningError for examples
    that cannot be used, a folder of another run and a loss that is no number, AdapterFolderError for a folder that
    cannot be written (on a full disk the earlier checkpoint stays) or that another run writes to; ModelError for the
    model or the adapter to start from; ConfigError for a template of another kind.
    """
    if template.kind != YesNo.name:
        raise ConfigError(f"template {template.name!r} is made for {template.kind!r}; tuning needs one for yes-no")
    if not examples:
        raise TuningError("there are no examples to tune on; import interactions, or ask for fewer conditions on them")
    # Point by point a list says how relevant each candidate is, even where all are equally so.
    for example in (*(() if settings.loss == "pointwise" else examples), *validation):
        example.check_order()
    check_folder(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output.parent / f".{output.name}.lock", timeout=0, fallback_to_soft=False)
        with lock, Interruption() as interruption:
            job = _Job(settings, model, cache, template, max_tokens, provenance or Provenance(name=output.name), output)
            return job.run(examples, validation, progress or _silent, interruption)
    except Timeout as error:
        raise AdapterFolderError(
            f"another run is writing to {output}; wait for it, or choose another folder"
        ) from error


class _Job:
    def __init__(
        self,
        settings: TuningSettings,
        model: ModelSettings,
        cache: Path,
        template: Template,
        max_tokens: int,
        provenance: Provenance,
        output: Path,
    ) -> None:
        self._started = time.perf_counter()
        self._start = None if model.adapter is None else read_adapter(model.adapter)
        self._settings = _with_layers(settings, self._start)
        self._model = model
        self._template = template
        self._max_tokens = max_tokens
        self._provenance = provenance
        self._output = output
        self._core = load_model(_for_tuning(model), cache, layers=self._settings.layers)
        if self._start is not None:
            self._start.check_base(model.name, self._core.revision)

    def run(
        self,
        examples: Sequence[TuningExample],
        validation: Sequence[TuningExample],
        progress: OnProgress,
        interruption: Interruption,
    ) -> Tuned:
        encoder = Encoder(self._template, self._max_tokens, self._core.encoder, self._core.max_context)
        train = encoder.encode(examples, "examples")
        valid = encoder.encode(validation, "validation examples")
        notes = (*train.notes, *valid.notes)
        parts = self._parts(train, valid)
        there = find_manifest(self._output)
        if there is not None:
            must_agree(self._output, there.run, parts)
            if there.training.ended != "interrupted":
                return self._tuned(read_adapter(self._output).manifest, notes)
        lora = self._lora()
        run = Run(
            settings=self._settings,
            core=self._core,
            lora=lora,
            train=train.examples,
            valid=valid.examples,
            output=self._output,
            parts=parts,
            max_packed_tokens=self._model.max_packed_tokens,
            progress=progress,
            interruption=interruption,
        )
        checkpoint = read_checkpoint(self._output)
        if checkpoint is not None:
            must_agree(self._output, checkpoint.standing.run, parts)
            run.take_up(checkpoint)
        outcome = run.go()
        manifest = write_adapter(
            self._output,
            self._manifest(train, valid, parts, outcome),
            weights_file(outcome.weights, self._settings.stored_as),
            lora.config(self._model.name),
            "The checkpoint is kept; make room and run the same command again",
        )
        if outcome.ended != "interrupted":
            remove_checkpoint(self._output)
        return self._tuned(manifest, notes)

    def _lora(self) -> Lora:
        try:
            lora = Lora(self._core.model, self._settings, derived_seed(self._settings.seed, "adapter"))
        except ValueError as error:
            raise ConfigError(f"tuning.targets {self._settings.targets!r}: {one_line(error)[:300]}") from error
        if self._start is not None:
            try:
                lora.load(read_weights(self._start.folder))
            except ValueError as error:
                manifest = self._start.manifest
                raise ModelError(
                    f"adapter {manifest.name} has rank {manifest.settings.rank} and targets "
                    f"{manifest.settings.targets!r}; tune it further with the same ({one_line(error)[:300]})"
                ) from error
        return lora

    def _parts(self, train: EncodedSet, valid: EncodedSet) -> dict[str, str]:
        return digests(
            {
                "settings": self._settings.model_dump(mode="json"),
                "model": [self._core.revision, str(self._core.model.dtype)],
                "start adapter": None if self._start is None else self._start.manifest.weights_sha256,
                "template": [self._template.ref.digest, self._max_tokens],
                "examples": train.digest,
                "validation examples": valid.digest,
            }
        )

    def _manifest(
        self, train: EncodedSet, valid: EncodedSet, parts: dict[str, str], outcome: Outcome
    ) -> AdapterManifest:
        ref, given, looks = self._template.ref, self._provenance, outcome.validations
        best = next((look.ndcg for look in looks if look.step == outcome.best_step), None)
        return AdapterManifest(
            name=given.name,
            base=BaseModelRef(name=self._model.name, digest=self._core.revision, layers=self._settings.layers),
            template=TemplateRecord(name=ref.name, version=ref.version, language=ref.language, digest=ref.digest),
            max_tokens=self._max_tokens,
            settings=self._settings,
            seeds={"tuning": self._settings.seed, **given.seeds},
            data={"examples": train.digest, "validation examples": valid.digest, **given.data},
            data_terms=given.data_terms,
            command=given.command,
            training=TrainingRecord(
                examples=len(train.examples),
                validation=len(valid.examples),
                steps=outcome.steps,
                best_step=outcome.best_step,
                ndcg_before=looks[0].ndcg if looks else None,
                ndcg_best=best,
                ended=outcome.ended,
                start_adapter=None if self._start is None else self._start.manifest.label,
                validations=looks,
            ),
            packages={name: version(name) for name in _PACKAGES},
            run=parts,
            weights_sha256="",
            weights_bytes=0,
        )

    def _tuned(self, manifest: AdapterManifest, notes: tuple[str, ...]) -> Tuned:
        training = manifest.training
        return Tuned(
            folder=self._output,
            manifest=manifest,
            ended=training.ended,
            steps=training.steps,
            best_step=training.best_step,
            validations=tuple(Validation(**look.model_dump()) for look in training.validations),
            notes=notes,
            seconds=time.perf_counter() - self._started,
        )


def _for_tuning(model: ModelSettings) -> ModelSettings:
    """Without the adapter, which stays apart from the model's weights, as it is in float32 whatever these are in."""
    return model.model_copy(update={"adapter": None})


def _with_layers(settings: TuningSettings, start: Adapter | None) -> TuningSettings:
    """The settings with the number of layers of the adapter to start from. Raises ConfigError if both name another."""
    if start is None or start.manifest.base.layers == settings.layers:
        return settings
    if settings.layers is not None:
        raise ConfigError(
            f"tuning.layers is {settings.layers}, but adapter {start.manifest.name} was tuned with "
            f"{start.manifest.base.layers or 'all'}; leave it out"
        )
    return settings.model_copy(update={"layers": start.manifest.base.layers})


def _silent(_progressed: Progressed) -> None:
    return None
