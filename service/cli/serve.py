"""`fewrec serve`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from service.cli import options
from service.cli.context import globals_of
from service.cli.logs import log_json_to_stderr
from service.cli.options import ModelOptions


def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but loopback is open to others and needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the bundled sample, from a folder of its own.")] = False,
    model: options.Model = None,
    adapter: options.Adapter = None,
    engine: options.EngineOption = None,
    template: options.TemplateName = None,
    language: options.LanguageOption = None,
    strategy: options.StrategyOption = None,
    shots: options.Shots = None,
) -> None:
    """Serve recommendations over HTTP; the interface is described at /openapi.json.

    An adapter that is promoted or rolled back meanwhile is taken up between two requests, without a restart.
    """
    import uvicorn

    from ranking.experiments.arms import check_experiments
    from service.api.app import create_app
    from service.cli.demo_store import demo_settings, import_sample
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars
    from service.keys.access import access_for
    from service.serving import open_serving
    from service.tenants import open_tenant
    from service.tracing import open_tracing

    given = globals_of(ctx)
    chosen = ModelOptions(
        model=model,
        adapter=adapter,
        engine=engine,
        template=template,
        language=language,
        strategy=strategy,
        shots=shots,
    )
    own = given.settings(**chosen.flags())
    settings = demo_settings(own) if demo else own
    # What is wrong with an arm is told in a line, before anything takes time.
    check_experiments(settings)
    access = access_for(own.home, settings.access, host)  # also for the demo: there `fewrec keys` writes them
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        if demo:
            import_sample(settings)
    # One process: it holds the embedded index and one copy of the model.
    # Paths hold ids of users, so they are not logged.
    tracing = open_tracing(settings.tracing)
    app = create_app(partial(open_serving, settings), access, tracing, partial(open_tenant, settings))
    as_json = settings.log.format == "json"
    if as_json:
        log_json_to_stderr(debug=given.debug)
    logs = None if as_json else uvicorn.config.LOGGING_CONFIG
    uvicorn.run(app, host=host, port=port, workers=1, access_log=False, server_header=False, log_config=logs)
