"""The embedded engine's fast lane on CPUs: OpenVINO scores, torch writes. Which of the two scores is chosen here."""

from __future__ import annotations

from pathlib import Path

from ranking.engine_settings import EmbeddedSettings, OpenVinoSettings, TransformersSettings
from ranking.engines.lane_cases import CALIBRATION, lane_cases
from ranking.engines.packed_model import load_model, piece_of
from ranking.engines.packing import Share, attention_mask, pack
from ranking.engines.transformers import TransformersEngine
from ranking.errors import ConfigError, ModelError
from ranking.models.fast_lane import PRECISIONS, graph_folder, is_whole, make_graph, read_measured
from ranking.models.openvino import Precision, graph_inputs, load_graph, version, write_graph
from ranking.models.prepare import prepare
from ranking.settings import ModelSettings


def open_embedded(model: ModelSettings, settings: TransformersSettings, cache: Path) -> TransformersEngine:
    """The embedded engine, with OpenVINO where it was measured to be faster here and to rank alike.

    Where it was measured and not chosen, or its graph is damaged, the engine's route says why.
    """
    if settings.fast_lane == "off" or model.device not in {"auto", "cpu"} or version() is None:
        return TransformersEngine(model, cache, batching=settings)
    chosen, route = _choose(model, cache)
    if chosen is None:
        return TransformersEngine(model, cache, batching=settings, route=route)
    return _with_graph(model, chosen, settings, cache, route)


def open_openvino(model: ModelSettings, settings: OpenVinoSettings, cache: Path) -> TransformersEngine:
    """The engine that scores by OpenVINO; converts the model first if it was not yet, which takes a minute.

    Raises ConfigError if OpenVINO is not installed or another device is asked for, ModelError as load_model does.
    """
    if version() is None:
        raise ConfigError("engine openvino needs OpenVINO and nncf: pip install -e '.[openvino]' in the clone")
    if model.device not in {"auto", "cpu"}:
        raise ConfigError(f"engine openvino runs on the CPU, not on {model.device}; leave model.device out")
    convert(model, settings.precision, cache)
    measured = read_measured(graph_folder(model, settings.precision, cache))
    told = "not measured against float32; run: fewrec models prepare --fast-lane"
    if measured is not None:
        told = f"tau {measured.tau:.3f} and NDCG@10 {measured.ndcg_change:+.4f} to float32"
    return _with_graph(model, settings.precision, settings, cache, f"asked for: {told}")


def convert(model: ModelSettings, precision: Precision, cache: Path) -> Path:
    """The folder of the model's graph, made if it is missing or damaged; the adapter is merged into it.

    Raises ModelError if it cannot be converted or written.
    """
    prepare(model.name, cache)
    folder = graph_folder(model, precision, cache)
    if is_whole(folder):
        return folder
    make_graph(folder, model.name, lambda made: _write(model, precision, cache, made))
    return folder


def _write(model: ModelSettings, precision: Precision, cache: Path, made: Path) -> None:
    reference = load_model(as_reference(model), cache, structured=False)
    shown = lane_cases(reference.encoder, reference.max_context, range(CALIBRATION))
    calibration = []
    for case in shown:
        encoded = reference.encoder.encode(case.prompt)
        packed = pack([piece_of(encoded, Share(prompt=0, start=0, stop=len(encoded.branches)))])
        calibration.append(graph_inputs(packed.ids, packed.positions, attention_mask(packed)))
    write_graph(reference.model.base_model, precision, calibration, made)


def as_reference(model: ModelSettings) -> ModelSettings:
    """The same model by torch on the CPU in float32, which everything else is compared with."""
    return model.model_copy(update={"dtype": "float32", "device": "cpu"})


def _choose(model: ModelSettings, cache: Path) -> tuple[Precision | None, str | None]:
    """The fastest graph that passed on this machine, and why; or none, and why not if any was measured."""
    told, fastest = [], None
    for precision in PRECISIONS:
        try:
            folder = graph_folder(model, precision, cache)
        except ModelError:
            return None, None  # not prepared yet, so nothing was measured either; loading says what is wrong
        measured = read_measured(folder)
        if measured is None:
            continue
        why_not = measured.why_not or (None if is_whole(folder) else "its files are damaged")
        if why_not is not None:
            told.append(f"openvino {precision}: {why_not}")
        elif fastest is None or measured.seconds < fastest[0]:
            fastest = (measured.seconds, precision, f"{measured.torch_seconds / measured.seconds:.1f} times as fast")
    if fastest is not None:
        return fastest[1], f"chosen: {fastest[2]}, ranks as float32"
    return None, f"torch, not {'; '.join(told)}" if told else None


def _with_graph(
    model: ModelSettings, precision: Precision, settings: EmbeddedSettings, cache: Path, route: str | None
) -> TransformersEngine:
    core = load_model(model.model_copy(update={"device": "cpu"}), cache)
    core.use_graph(
        load_graph(graph_folder(model, precision, cache), precision=precision, threads=model.threads), precision
    )
    return TransformersEngine(model, cache, batching=settings, core=core, route=route)
