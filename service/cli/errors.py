"""Errors end a command with one line and a code; --debug shows the traceback instead."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from retrieval.errors import one_line
from service.cli.context import Globals


class ErrorLineGroup(TyperGroup):
    """A command group that turns exceptions into one line on stderr and a documented exit code."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _name_no_type_of_switches(self)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command. Usage errors keep the parser's own handling (code 2, with a hint)."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if _is_the_parsers(error):
                raise
            given: Globals | None = ctx.obj
            if given is not None and given.debug and not isinstance(error, KeyboardInterrupt):
                given.err.print_exception(show_locals=False)
            raise typer.Exit(report(error, given.err if given else Console(stderr=True))) from error


def _name_no_type_of_switches(command: Any) -> None:
    """Help would name "bool" beside a switch, as if it took a value."""
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _name_no_type_of_switches(below)


def report(error: BaseException, err: Console) -> int:
    """Prints the error's line and returns its exit code."""
    from service.exit_codes import ExitCode, exit_code_of

    if isinstance(error, KeyboardInterrupt):
        err.print("Stopped.", highlight=False)
        return ExitCode.INTERRUPTED
    code = exit_code_of(error) if isinstance(error, Exception) else ExitCode.UNEXPECTED
    message = one_line(error)
    if code is ExitCode.UNEXPECTED:
        message = (
            f"unexpected {type(error).__name__}: {message} (run again with --debug before the command for details)"
        )
    err.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return code


def _is_the_parsers(error: BaseException) -> bool:
    return isinstance(error, typer.Exit | typer.Abort | typer.BadParameter) or hasattr(error, "exit_code")
