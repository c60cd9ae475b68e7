"""Runs the emulator on loopback: in the foreground for people, in a thread for tests and the demo."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fbm_sync.emulator.app import ABORT, create_app
from fbm_sync.emulator.world import World

HOST = "127.0.0.1"
START_SECONDS = 10.0
HEARTBEAT_SECONDS = 0.1
BACKLOG = 128


class _AbortableProtocol(H11Protocol):
    """HTTP whose application can drop the connection, as a network does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = cast("ASGIApp", self.app)

        def abort() -> None:
            sock = transport.get_extra_info("socket")
            # Lingering for zero seconds makes the peer see a reset instead of an orderly end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope[ABORT] = abort
            await inner(scope, receive, send)

        self.app = cast("Any", app)


class _AnnouncedServer(uvicorn.Server):
    """Says when requests are answered and an interrupt ends it cleanly, neither of which holds before."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def _server(world: World, port: int, announce: Callable[[], None] = lambda: None) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(world),
        host=HOST,
        port=port,
        http=_AbortableProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    return _AnnouncedServer(config, announce)


def _listener(port: int) -> socket.socket:
    listener = socket.create_server((HOST, port), backlog=BACKLOG)
    # Without it an answer of two parts waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(world: World, port: int, announce: Callable[[str], None] = lambda _: None) -> None:
    """Answer requests until interrupted; a port that is taken is an `OSError` at once.

    `announce` is told the base URL as soon as requests are answered there (port 0: a free one is taken).
    """
    with suppress(KeyboardInterrupt), _listener(port) as listener, _passing_time(world):
        _server(world, port, lambda: announce(_base_url(listener))).run(sockets=[listener])


def _base_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def _passing_time(world: World) -> Iterator[None]:
    """Let what falls due happen by itself, as notifications must not wait for the next request."""
    if world.clock.speed == 0:
        yield
        return
    over = threading.Event()

    def live() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            world.now()

    thread = threading.Thread(target=live, name="amazon-emulator-time", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def running(world: World, port: int = 0) -> Iterator[str]:
    """Answer requests in the background while the block runs; yields the base URL (port 0: a free one)."""
    listener = _listener(port)
    server = _server(world, port)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="amazon-emulator", daemon=True
    )
    thread.start()
    try:
        _wait_until_started(server, thread)
        with _passing_time(world):
            yield _base_url(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(START_SECONDS / 0.002)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.002)
    raise RuntimeError("The emulator did not start; try another port.")
