"""`/healthz`, `/readyz` and `/metrics`, served from a thread beside the daemon's work."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fbm_sync.errors import ConfigError, StoreError

Readiness = Callable[[], list[str]]
"""Returns why the daemon is not ready, one sentence each; empty when it is."""


def probes(readiness: Readiness, registry: CollectorRegistry) -> Starlette:
    """Return the web application."""

    def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    def readyz(_request: Request) -> Response:
        try:
            missing = readiness()
        except StoreError as error:
            missing = [str(error)]
        return PlainTextResponse("\n".join(missing or ["ready"]) + "\n", status_code=503 if missing else 200)

    def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    )


@contextmanager
def serving(host: str, port: int, readiness: Readiness, registry: CollectorRegistry) -> Iterator[None]:
    """Serve while the block runs. Raises `ConfigError` when the address is taken."""
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise ConfigError(
            [f"daemon.listen: {host}:{port} cannot be used: {error.strerror}"],
            next_step="Is another daemon running? Stop it, or choose another port.",
        ) from error
    config = uvicorn.Config(
        probes(readiness, registry), log_config=None, access_log=False, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="probes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
