"""`fewrec vllm serve`."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from service.cli import options
from service.cli.context import globals_of
from service.cli.options import ModelOptions

if TYPE_CHECKING:
    from ranking.engine_settings import VllmSettings
    from ranking.settings import Settings

app = typer.Typer(help="Run a vLLM server for this model, from an environment of its own.", no_args_is_help=True)


@app.command("serve")
def serve(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of this machine; default: that of the settings, 8100.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that it may take to come up.")] = 900.0,
    model: options.Model = None,
    adapter: options.Adapter = None,
    extra: Annotated[
        list[str] | None, typer.Argument(metavar="-- FLAG...", help="Further flags for the server, after --.")
    ] = None,
) -> None:
    """Start vLLM on the prepared model, wait until it is ready, and keep it running until Ctrl-C.

    Needs `make vllm` once (or FEWREC_VLLM_PYTHON). It listens on this machine only. Then, in another terminal:
    fewrec recommend USER --engine vllm
    """
    from ranking.engines.vllm_launch import Running, find_interpreter, has_gpu, plan_launch, warm_up
    from ranking.factory import served_settings
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars, doing

    given = globals_of(ctx)
    python = find_interpreter()
    settings = served_settings(given.settings(**ModelOptions(model=model, adapter=adapter).flags()))
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
    server = _server_settings(settings, port)
    launch = plan_launch(settings.model, server, settings.cache, python, gpu=has_gpu(), extra=extra or ())
    signal.signal(signal.SIGTERM, _interrupt)
    log = settings.cache / "vllm-server.log"
    with closing(Running(launch, log)) as running:
        with doing(given.err, f"starting vLLM on {'a GPU' if launch.on_gpu else 'the CPU'} (its log: {log})"):
            running.wait_until_healthy(timeout)
            info = warm_up(settings.model, server, settings.cache, timeout)
        given.out.print(
            f"vLLM serves {launch.served_model} at {launch.url}: labels over {info.route}; "
            f"{', '.join(sorted(info.capabilities))}. Ctrl-C stops it.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        running.wait()


def _server_settings(settings: Settings, port: int | None) -> VllmSettings:
    from ranking.engine_settings import VllmSettings

    chosen = settings.engine if isinstance(settings.engine, VllmSettings) else VllmSettings()
    return chosen if port is None else chosen.model_copy(update={"url": f"http://127.0.0.1:{port}"})


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt
