"""A real local HTTP server whose behaviour is switched while it runs: what engines over HTTP are tested against."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the server was sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """Parsed JSON; None without a body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the server does with one request. As it is by default, it answers an empty object at once."""

    body: Any = field(default_factory=dict)
    """Sent as JSON (NaN as it is, which Python's json does as well); bytes are sent as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    """Silence before the answer."""
    drip_s: float = 0.0
    """Pause between any two bytes of the answer."""
    send: int | None = None
    """Bytes of the body that are sent before the connection is closed, of the length that the header promises."""
    half_open: bool = False
    """Takes the request and never answers."""
    hang_up: bool = False
    """Closes the connection without a byte."""


Behaviour: TypeAlias = Callable[[Request], Reply]


class MisbehavingServer:
    """Answers as `behave` says; `requests` holds what came in, `gone` counts clients that left before their answer."""

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        self.behave = behave
        self.requests: list[Request] = []
        self.gone = 0
        self.under_way = 0
        self.most_under_way = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                """Silent."""

            def do_GET(self) -> None:
                owner._answer(self)

            def do_POST(self) -> None:
                owner._answer(self)

        class Listening(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that leaves is no news."""

        self._http = Listening(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends every answer under way and stops listening."""
        self._ended.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        request = Request(
            method=handler.command,
            path=handler.path,
            headers={name.lower(): value for name, value in handler.headers.items()},
            body=json.loads(handler.rfile.read(length)) if length else None,
        )
        with self._lock:
            self.requests.append(request)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            self._reply(handler, self.behave(request))
        except OSError:
            handler.close_connection = True
            with self._lock:
                self.gone += 1
        finally:
            with self._lock:
                self.under_way -= 1

    def _reply(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.hang_up:
            handler.close_connection = True
            return
        self._silent(handler, 3600.0 if reply.half_open else reply.wait_s)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        sent = content if reply.send is None else content[: reply.send]
        if reply.drip_s:
            for byte in sent:
                self._silent(handler, reply.drip_s)
                handler.wfile.write(bytes([byte]))
        else:
            handler.wfile.write(sent)
        if reply.send is not None:
            handler.close_connection = True

    def _silent(self, handler: BaseHTTPRequestHandler, seconds: float) -> None:
        """Waits, and raises OSError as soon as the client has left."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._ended.wait(min(left, 0.02)) or _left(handler.connection):
                raise ConnectionAbortedError("the client has left, or the test has ended")


def _left(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    finally:
        connection.setblocking(True)


@contextmanager
def misbehaving(behave: Behaviour | None = None, port: int = 0) -> Iterator[MisbehavingServer]:
    """A server that behaves so, or answers everything with an empty object, until the context ends; 0 is any port."""
    server = MisbehavingServer(behave or (lambda request: Reply()), port)
    try:
        yield server
    finally:
        server.close()


def nobody_listens() -> str:
    """The URL of a port of this machine that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
