"""The emulator's HTTP face: Amazon's paths for clients, `/_emulator/…` for tests and demos."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fbm_sync.emulator import control
from fbm_sync.emulator.gate.exchange import Answer, Call, Params
from fbm_sync.emulator.gate.operations import NO_OPERATION, OPERATIONS, Operation
from fbm_sync.emulator.gate.pages import NO_TROUBLE
from fbm_sync.emulator.gate.serving import http_date, serve_call
from fbm_sync.emulator.world import World

ABORT = "fbm_sync.emulator.abort"
PIECES = 10
ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Endpoint = Callable[[Request], Awaitable[Response]]
Command = Callable[[World, Any], dict[str, Any]]


def create_app(world: World) -> Starlette:
    """The ASGI application over one world."""
    routes = [
        Route("/_emulator/state", _control_get(world, lambda _: world.state()), methods=["GET"]),
        Route("/_emulator/requests", _control_get(world, _requests_since(world)), methods=["GET"]),
        Route("/_emulator/advance", _control_post(world, control.advance), methods=["POST"]),
        Route("/_emulator/faults", _control_post(world, control.change_faults), methods=["POST"]),
        Route("/_emulator/orders", _control_post(world, control.change_orders), methods=["POST"]),
        Route("/_emulator/listings", _control_post(world, control.change_listings), methods=["POST"]),
        Route("/_emulator/feeds", _control_post(world, control.change_feeds), methods=["POST"]),
        Route("/_emulator/account", _control_post(world, control.change_account), methods=["POST"]),
        Route("/_emulator/tokens", _control_post(world, control.change_tokens), methods=["POST"]),
        Route(
            "/_emulator/notifications",
            _control_post(world, control.flush_notifications, waits=True),
            methods=["POST"],
        ),
    ]
    routes.append(Route("/_emulator/{rest:path}", _no_control, methods=ALL_METHODS))
    routes += [Route(one.path, _amazon(world, one), methods=[one.method]) for one in OPERATIONS]
    routes.append(Route(NO_OPERATION.path, _amazon(world, NO_OPERATION), methods=ALL_METHODS))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return app


def _amazon(world: World, operation: Operation) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        with world.lock:
            fault = world.faults.next_for(operation.name)
        if fault is not None and fault.delay_seconds:
            await _dawdle(request, fault.delay_seconds)
        call = Call(
            operation=operation.name,
            method=request.method,
            origin=_origin(request),
            path=request.url.path,
            params=Params(request.query_params.multi_items()),
            path_values={name: str(value) for name, value in request.path_params.items()},
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            walk=NO_TROUBLE if fault is None else fault.walk,
        )
        return _response(serve_call(world, operation, call, fault))

    return endpoint


def _origin(request: Request) -> str:
    host, port = request.scope["server"]
    return f"http://{host}" if port is None else f"http://{host}:{port}"


async def _dawdle(request: Request, seconds: float) -> None:
    """Let the client wait; one that hangs up ends the delay, but not its request."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _hung_up(request.receive)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _response(answer: Answer) -> Response:
    text = answer.body if isinstance(answer.body, str | bytes) else json.dumps(answer.body)
    if answer.reset:
        return _Reset()
    if answer.slow_seconds:
        return _Slow(answer.slow_seconds, text, answer)
    kind = _Cut if answer.cut else Response
    return kind(text, answer.status, answer.headers, answer.media_type)


class _Reset(Response):
    """Drops the connection before a single byte of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort = scope.get(ABORT)
        if abort is None:
            raise ConnectionResetError("the emulator was told to drop this connection")
        abort()
        await _hung_up(receive)


class _Slow(Response):
    """Sends a right answer in small pieces over the seconds given."""

    def __init__(self, seconds: float, text: str | bytes, answer: Answer) -> None:
        super().__init__(text, answer.status, answer.headers, answer.media_type)
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.body)
        size = max(1, -(-len(body) // PIECES))
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        for offset in range(0, len(body), size):
            await asyncio.sleep(self._seconds / PIECES)
            piece = body[offset : offset + size]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Cut(Response):
    """Announces its whole length and sends half of it, then drops the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.body)
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        # The half must leave the building before the line goes dead.
        await asyncio.sleep(0.01)
        await _Reset()(scope, receive, send)


def _control_get(world: World, read: Callable[[Request], dict[str, Any]]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(read(request), headers={"Date": http_date(world.now())})
        except ValueError as error:
            return JSONResponse({"problems": [str(error)]}, 400)

    return endpoint


def _control_post(world: World, command: Command, *, waits: bool = False) -> Endpoint:
    """Carry out a control request; one that waits must not keep other requests from being answered."""

    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
            answer = await run_in_threadpool(command, world, body) if waits else command(world, body)
        except control.BadControl as error:
            return JSONResponse({"problems": error.problems}, 400)
        except ValueError as error:
            return JSONResponse({"problems": [f"the body is not JSON: {error}"]}, 400)
        return JSONResponse(answer, headers={"Date": http_date(world.now())})

    return endpoint


async def _no_control(request: Request) -> Response:
    return JSONResponse({"problems": [f"{request.method} {request.url.path} is no control request"]}, 404)


def _requests_since(world: World) -> Callable[[Request], dict[str, Any]]:
    def read(request: Request) -> dict[str, Any]:
        with world.lock:
            return world.journal.since(int(request.query_params.get("since", "0")))

    return read
