"""The only module that speaks to OpenVINO and its compressor nncf: makes a graph of a model, and runs it."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranking.errors import ConfigError, ModelError
from retrieval.errors import one_line

Precision: TypeAlias = Literal["int8", "int8-weights", "float32"]
"""int8: weights and activations, calibrated; int8-weights: activations are quantised as they come, in groups of 32."""

GRAPH = "graph.xml"
_GROUP = 32

Run: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]], NDArray[np.float32]]
"""Token ids (n,), positions (n,) and who may look at whom (n, n); gives last hidden states (n, width)."""


def version() -> str | None:
    """The installed version of OpenVINO; None where it or its compressor is not. Imports neither."""
    try:
        installed_version("nncf")
        return installed_version("openvino")
    except PackageNotFoundError:
        return None


def write_graph(model: Any, precision: Precision, calibration: Sequence[tuple[Any, ...]], folder: Path) -> None:
    """Writes GRAPH of a float32 torch model without its head. calibration has inputs as `graph_inputs` makes them.

    Raises ModelError for a model that cannot be converted, OSError if the folder cannot be written.
    """
    library = _library()
    import torch

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor) -> Any:
            return self.model(
                input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False
            ).last_hidden_state

    shapes = [library.PartialShape(shape) for shape in ([1, -1], [1, -1], [1, 1, -1, -1])]
    example = tuple(torch.from_numpy(part) for part in calibration[0])
    try:
        with torch.no_grad(), _quiet():
            graph = library.convert_model(Hidden(), example_input=example, input=shapes)
            graph = _compressed(graph, precision, calibration)
    except Exception as error:  # tracing and compressing raise whatever a model leads them to
        raise ModelError(f"OpenVINO cannot convert the model: {one_line(error)[:300]}") from error
    try:
        library.save_model(graph, str(folder / GRAPH), compress_to_fp16=False)
    except RuntimeError as error:  # how the library tells a full disk
        raise OSError(one_line(error)[:300]) from error


def _compressed(graph: Any, precision: Precision, calibration: Sequence[tuple[Any, ...]]) -> Any:
    if precision == "float32":
        return graph
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    if precision == "int8-weights":
        made = nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM)
        made.set_rt_info(str(_GROUP), ["runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE"])
        return made
    return nncf.quantize(
        graph,
        nncf.Dataset(list(calibration)),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(calibration),
        preset=nncf.QuantizationPreset.MIXED,
    )


def graph_inputs(
    ids: NDArray[np.int64], positions: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """What the graph takes: a batch of one, the mask as what is added to attention scores."""
    mask = np.where(allowed, np.float32(0), np.finfo(np.float32).min)
    return ids[None], positions[None], mask[None, None]


def load_graph(folder: Path, *, precision: Precision, threads: int | None) -> Run:
    """Compiles the graph of a folder for this CPU. Raises ModelError if it cannot be read.

    Activations that are not quantised are in bfloat16 where the CPU multiplies in it; with precision float32 never.
    """
    library = _library()
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    if precision == "float32":
        options["INFERENCE_PRECISION_HINT"] = "f32"
    if precision == "int8-weights":
        options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = _GROUP
    try:
        request = library.Core().compile_model(str(folder / GRAPH), "CPU", options).create_infer_request()
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot load {folder / GRAPH}: {one_line(error)[:300]}") from error

    def run(ids: NDArray[np.int64], positions: NDArray[np.int64], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
        found = request.infer(graph_inputs(ids, positions, allowed))
        return np.array(found[0][0], np.float32)  # a copy: the library writes the next answer over it

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the hints of tracing and the progress bars of compressing, which are not for the caller's terminal."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _library() -> Any:
    # Both libraries report their use to their maker unless this package is missing. Nothing leaves the machine here.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes an import fail
    try:
        import openvino
    except ImportError as error:
        raise ConfigError(
            f"engine openvino needs OpenVINO in this environment ({one_line(error)}): "
            "pip install -e '.[openvino]' in the clone"
        ) from error
    return openvino
