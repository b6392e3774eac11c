"""Starts a vLLM server from its own environment: which command, which variables, and whether it has come up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson

from ranking.engine_settings import VllmSettings
from ranking.engines.device import choose_dtype
from ranking.engines.vllm import VllmEngine, digest_name
from ranking.errors import ConfigError, EngineError
from ranking.models.manifest import weights_digest
from ranking.models.merged import merged_folder
from ranking.models.prepare import locate
from ranking.settings import ModelSettings
from ranking.tuning.adapter import Adapter, read_adapter
from ranking.tuning.manifest import PEFT_FILE
from ranking.types import EngineInfo

INTERPRETER = "FEWREC_VLLM_PYTHON"
_QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
_PATIENCE_S = 20.0
"""How long a server may take to end before it is killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How a server is to be started."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    served_model: str
    on_gpu: bool


def find_interpreter(environment: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> Path:
    """Python of vLLM's environment: FEWREC_VLLM_PYTHON, or .venv-vllm beside this one. Raises ConfigError."""
    named = environment.get(INTERPRETER)
    path = Path(named) if named else Path(prefix).parent / ".venv-vllm" / "bin" / "python"
    if not path.is_file():
        raise ConfigError(f"there is no {path}; make vLLM's environment with `make vllm`, or name one in {INTERPRETER}")
    return path


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU, as the Makefile sees it too. vLLM itself is not asked: it is not in here."""
    return shutil.which("nvidia-smi") is not None


def plan_launch(
    model: ModelSettings, settings: VllmSettings, cache: Path, python: Path, *, gpu: bool, extra: Sequence[str] = ()
) -> Launch:
    """The command for a model that is prepared, with its adapter attached under a name of its own.

    So one server answers for both: strategies that the adapter was not tuned for ask the model as it is. Only an
    adapter of fewer layers is merged into the weights, and then they alone are served. Beside its name, the model is
    served under name@digest of its weights, which clients compare with theirs. Raises ModelError, and ConfigError for
    an address of another machine.
    """
    if not settings.on_this_machine:
        raise ConfigError(f"a server is started on this machine only, not at {settings.url}; leave engine.url out")
    folder = locate(model.name, cache)
    adapter = None if model.adapter is None else read_adapter(model.adapter)
    attached = adapter is not None and adapter.manifest.base.layers is None
    names = [model.name, digest_name(model.name, weights_digest(folder))]
    flags = []
    if adapter is not None and attached:
        adapter.check_base(model.name, weights_digest(folder))
        flags = _attaching(adapter)
    elif adapter is not None:
        folder, names = merged_folder(model.name, adapter, cache), [adapter.manifest.label]
    address = urlsplit(settings.url)
    where = ["--host", address.hostname or "127.0.0.1", "--port", str(address.port or 80)]
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), *where]
    command += ["--served-model-name", *names, "--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
    # Logits in half the digits would lie so far apart that candidates often tie.
    command += ["--hf-overrides", '{"head_dtype": "float32"}']
    environment = {**os.environ, **_QUIET}
    if settings.api_key is not None:
        environment["VLLM_API_KEY"] = settings.api_key.get_secret_value()
    if not gpu:
        flags += _on_cpu(model, environment)
    elif model.dtype != "auto":
        flags += ["--dtype", model.dtype]
    return Launch(
        command=(*command, *flags, *extra),
        environment=environment,
        url=settings.url,
        served_model=names[0] if not attached or adapter is None else adapter.manifest.label,
        on_gpu=gpu,
    )


def _attaching(adapter: Adapter) -> list[str]:
    """Flags for an adapter beside the model.

    The modules that it changes are named: else the output head is wrapped too, where the CPU build dies of a prompt's
    log-probabilities (0.32) and multiplies by nothing for each of the vocabulary's words.
    """
    changed = orjson.loads((adapter.folder / PEFT_FILE).read_bytes())["target_modules"]
    rank, label = str(adapter.manifest.settings.rank), adapter.manifest.label
    flags = ["--enable-lora", "--max-lora-rank", rank, "--lora-target-modules", *changed]
    return [*flags, "--lora-modules", f"{label}={adapter.folder}"]


def _on_cpu(model: ModelSettings, environment: dict[str, str]) -> list[str]:
    """Flags for a CPU; sets variables that are not set.

    A block of 32 tokens is what the CPU build likes best and shares a prefix finely enough (its default is 128). The
    cache's size must be named, else nearly all memory of the machine is wanted. Without threads bound by hand the build
    keeps one core for itself. Compiling the model takes minutes and gains little on a small one.
    """
    cores = sorted(os.sched_getaffinity(0))[: model.threads]
    environment.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    environment.setdefault("VLLM_CPU_OMP_THREADS_BIND", ",".join(map(str, cores)))
    dtype = str(choose_dtype(model.dtype, "cpu")).removeprefix("torch.")
    return ["--block-size", "32", "--dtype", dtype, "--enforce-eager"]


class Running:
    """A server that was started; in a session of its own, so that Ctrl-C reaches it through us, once."""

    def __init__(self, launch: Launch, log: Path) -> None:
        self._launch = launch
        self._log = log
        if _answers(launch.url):
            raise ConfigError(f"something answers at {launch.url} already; stop it, or give another --port")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own interpreter and flags
                launch.command, env=dict(launch.environment), stdout=out, stderr=out, start_new_session=True
            )

    def wait_until_healthy(self, timeout_s: float) -> None:
        """Until /health answers. Raises EngineError if the server ends before, or takes too long."""
        start = time.monotonic()
        while not _answers(f"{self._launch.url}/health"):
            waited = time.monotonic() - start
            if self._process.poll() is not None:
                raise EngineError(f"the vLLM server did not come up: {self._last_line()} (all of it: {self._log})")
            if waited > timeout_s:
                raise EngineError(f"the vLLM server was not ready after {timeout_s:.0f} s; see {self._log}")
            time.sleep(0.5)

    def wait(self) -> None:
        """Until the server ends by itself, which it should not. Raises EngineError."""
        code = self._process.wait()
        raise EngineError(f"the vLLM server ended with code {code}: {self._last_line()} (all of it: {self._log})")

    def close(self) -> None:
        """Ends the server and everything that it started; kills what does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _last_line(self) -> str:
        """The last line of the log that names an error, shortened; else the last one."""
        lines = [line.strip() for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        told = [line for line in lines if "Error" in line] or lines or ["it said nothing"]
        return told[-1][-300:]


def warm_up(model: ModelSettings, settings: VllmSettings, cache: Path, timeout_s: float) -> EngineInfo:
    """What a client finds there. The first such questions make the server compile, which takes a minute or more."""
    patient = settings.model_copy(update={"read_timeout_s": timeout_s, "timeout_s": timeout_s})
    with closing(VllmEngine(model, patient, cache)) as engine:
        return engine.info


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code < 500 or not url.endswith("/health")
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        return not url.endswith("/health")
