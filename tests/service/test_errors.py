from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner, Result

from retrieval.errors import NotFoundError
from service.cli.errors import ErrorLineGroup
from service.cli.main import options
from service.exit_codes import ExitCode


def failing(error: BaseException, *arguments: str) -> Result:
    """Runs a command that raises the error, behind the real global options."""
    app = typer.Typer(cls=ErrorLineGroup, pretty_exceptions_enable=False)
    app.callback()(options)

    @app.command("fail")
    def fail() -> None:
        raise error

    return CliRunner().invoke(app, [*arguments, "fail"])


def test_our_errors_are_one_line_without_a_traceback() -> None:
    result = failing(NotFoundError("user 'x' is unknown;\n import [it] first"))
    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stdout == ""
    assert result.stderr == "error: user 'x' is unknown; import [it] first\n"


def test_unexpected_errors_name_their_kind_and_the_way_to_see_more() -> None:
    result = failing(ZeroDivisionError("division by zero"))
    assert result.exit_code == ExitCode.UNEXPECTED
    assert result.stderr.startswith("error: unexpected ZeroDivisionError: division by zero (run again with --debug")


def test_debug_shows_the_traceback() -> None:
    result = failing(NotFoundError("nobody"), "--debug")
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: nobody\n")


def test_ctrl_c_stops_without_noise() -> None:
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (ExitCode.INTERRUPTED, "Stopped.\n")


@pytest.mark.parametrize("error", [typer.Exit(7), typer.BadParameter("bad")])
def test_the_parsers_own_errors_keep_their_codes(error: Exception) -> None:
    assert failing(error).exit_code == (7 if isinstance(error, typer.Exit) else ExitCode.USAGE)
