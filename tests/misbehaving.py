"""An Amazon on loopback that misbehaves on demand: it gives the answers a test puts down, in their order."""

import contextlib
import dataclasses
import json
import socket
import struct
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.spapi.tokens import Credentials

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"
CREDENTIALS = Credentials(client_id="client", client_secret="s3cret", refresh_token="refresh-me")
HTML = "<html><body><h1>Trouble</h1></body></html>"


class VirtualClock:
    def __init__(self):
        self.at = START
        self.slept = []
        self._lock = threading.Lock()

    def now(self):
        return self.at

    def sleep(self, seconds):
        with self._lock:
            self.slept.append(seconds)
            self.at += timedelta(seconds=seconds)

    @property
    def elapsed(self):
        return (self.at - START).total_seconds()


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int = 200
    body: object = b""
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0.0
    reset: bool = False
    cut: bool = False
    drip: float = 0.0

    @property
    def content(self):
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclasses.dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: list
    headers: dict
    body: bytes


class Amazon:
    """Answers what it is told to, in order, and keeps what it was asked."""

    def __init__(self):
        self.calls = []
        self.logins = []
        self.replies = deque()
        self.places = {}
        self.to_token = {}  # answers to whoever shows a token, whatever is asked
        self.login_replies = deque()
        self.usual = Reply(body={"orders": [], "order": {}, "items": [], "sku": "A", "status": "ACCEPTED"})
        self.token_seconds = 3600
        self.login_delay = 0.0
        self._lock = threading.Lock()

    def answer(self, *replies):
        self.replies.extend(replies)

    def answer_at(self, method, path, *replies):
        """Put down answers for one place of its own; the last of them stays."""
        self.places[method, path] = deque(replies)

    def asked_at(self, method, path):
        return [seen for seen in self.calls if (seen.method, seen.path) == (method, path)]

    def reply_to(self, seen):
        with self._lock:
            if seen.path == "/auth/o2/token":
                self.logins.append(seen)
                if self.login_replies:
                    return self.login_replies.popleft()
                token = {"access_token": f"Atza|{len(self.logins)}", "expires_in": self.token_seconds}
                return Reply(body=token, delay=self.login_delay)
            self.calls.append(seen)
            if reply := self.to_token.get(seen.headers.get("x-amz-access-token")):
                return reply
            place = self.places.get((seen.method, seen.path))
            if place:
                return place.popleft() if len(place) > 1 else place[0]
            return self.replies.popleft() if self.replies else self.usual


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for each answer, which spares a delayed acknowledgement

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, url.path, parse_qsl(url.query), headers, self.rfile.read(length))
        reply = self.server.amazon.reply_to(seen)
        time.sleep(reply.delay)
        if reply.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        content = reply.content
        self.send_response_only(reply.status)
        self.send_header("content-length", str(len(content) + (20 if reply.cut else 0)))
        usual = {"x-amzn-RequestId": "req-1", "Date": format_datetime(START, usegmt=True)}
        for name, value in (usual | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [bytes([byte]) for byte in content] if reply.drip else [content]:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(reply.drip)
        if reply.cut:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  (the names http.server looks for)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that gave up on us


@contextlib.contextmanager
def misbehaving_amazon():
    """Answer while the block runs; yields the `Amazon` to put replies into, its address in `url`."""
    amazon = Amazon()
    server = Server(("127.0.0.1", 0), Handler)
    server.amazon = amazon
    amazon.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield amazon
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def gateway_at(amazon, clock, **options):
    """Return a gateway to this Amazon, to be closed in the end."""
    usual = {
        "account": "main",
        "endpoint": amazon.url,
        "token_endpoint": amazon.url + "/auth/o2/token",
        "marketplaces": [US],
        "credentials": CREDENTIALS,
        "clock": clock,
        "timeout_seconds": 5,
    }
    settings = usual | options
    settings.setdefault("throttle", Throttle(settings["clock"]))
    return Gateway(**settings)


def account_at(amazon, clock, marketplaces=(US, CA)):
    """Return an account at this Amazon, to be closed in the end."""
    return AmazonAccount(
        name="main",
        seller_id="A1SELLER",
        marketplaces=marketplaces,
        endpoint=amazon.url,
        token_endpoint=amazon.url + "/auth/o2/token",
        credentials=CREDENTIALS,
        clock=clock,
    )
