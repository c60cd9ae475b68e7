"""The emulated Amazon without sockets: requests go straight to it, so that thousands of them take seconds.

Everything else is as it always is: the same client, the same gate with its limits and its journal, documents
included. Faults that spoil an answer work, those that spoil the way (a cut, a slow answer) are a lost one.
"""

import contextlib
import dataclasses
import json

import httpx
from starlette.routing import compile_path

from fbm_sync.adapters.spapi import clients, documents, tokens
from fbm_sync.emulator import control
from fbm_sync.emulator.gate.exchange import Call, Params
from fbm_sync.emulator.gate.operations import NO_OPERATION, OPERATIONS
from fbm_sync.emulator.gate.pages import NO_TROUBLE
from fbm_sync.emulator.gate.serving import serve_call

ORIGIN = "http://127.0.0.1"
"""Nobody listens there: nothing leaves this process."""

_WAYS = [(one.method, *compile_path(one.path)[::2], one) for one in OPERATIONS]
_COMMANDS = {
    "advance": control.advance,
    "faults": control.change_faults,
    "orders": control.change_orders,
    "listings": control.change_listings,
    "feeds": control.change_feeds,
    "account": control.change_account,
}


class ToEmulator(httpx.BaseTransport):
    """A connection that ends in an emulated world."""

    def __init__(self, world):
        self.world = world

    def handle_request(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        call, operation = called(request, request.url.params.multi_items(), headers)
        status, named, content = content_of(served(self.world, call, operation), request)
        return httpx.Response(status, headers=named, stream=httpx.ByteStream(content))


def called(request, params, headers):
    """What a request calls for, as the gate reads it, and the operation of Amazon's that it is."""
    operation, values = _operation(request.method, request.url.path)
    call = Call(
        operation=operation.name,
        method=request.method,
        origin=ORIGIN,
        path=request.url.path,
        params=Params(params),
        path_values=values,
        headers=headers,
        body=request.read(),
        walk=NO_TROUBLE,
    )
    return call, operation


def served(world, call, operation):
    """The gate's answer to a call, with the fault that waits for it."""
    with world.lock:
        fault = world.faults.next_for(operation.name)
    if fault is not None:
        call = dataclasses.replace(call, walk=fault.walk)
    return serve_call(world, operation, call, fault)


def content_of(answer, request):
    """Status, headers and bytes of an answer. Raises what a broken way raises."""
    if answer.reset or answer.cut or answer.slow_seconds:
        raise httpx.ReadError("the connection was lost", request=request)
    body = answer.body if isinstance(answer.body, str | bytes) else json.dumps(answer.body)
    headers = {"content-type": answer.media_type} | answer.headers
    return answer.status, headers, body.encode() if isinstance(body, str) else body


def _operation(method, path):
    for wanted, pattern, convertors, operation in _WAYS:
        found = pattern.match(path) if method == wanted else None
        if found:
            values = {name: convertors[name].convert(text) for name, text in found.groupdict().items()}
            return operation, {name: str(value) for name, value in values.items()}
    return NO_OPERATION, {"path": path}


def command(world, what, body=None):
    """Steer the emulated world as its control address does."""
    if body is not None:
        return _COMMANDS[what](world, json.loads(json.dumps(body)))
    if what == "state":
        return world.state()
    with world.lock:
        return world.journal.since(0)


@contextlib.contextmanager
def connected_to(world):
    """Let every connection that is made meanwhile end in this world."""

    def connect(endpoint, *, check=None, **_rest):
        hooks = {"request": [check] if check else []}
        return httpx.Client(transport=ToEmulator(world), event_hooks=hooks)

    places = [module for module in (clients, documents, tokens) if hasattr(module, "connect")]
    before = [module.connect for module in places]
    for module in places:
        module.connect = connect
    try:
        yield ORIGIN
    finally:
        for module, former in zip(places, before, strict=True):
            module.connect = former
