"""The emulated Amazon without a socket: real clients ask it, each request is answered in this process.

Whoever drives a test may look at every answer, and let something happen before a request is served: a buyer
orders between a look and a write, a second process pushes meanwhile.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import httpx

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.emulator import load_scenario

from in_process import ORIGIN, called, content_of, served
from seller import MARKET, SECRETS, SELLER

TRAVEL_SECONDS = 0.05
RATE_FACTOR = 10_000.0

_folder = tempfile.TemporaryDirectory(prefix="fbm_sync-inside-")


class Inside(httpx.BaseTransport):
    """What stands where the network would: `before` is called with each request, `after` with its answer.

    `before` returns an answer of its own to keep the request from Amazon, else `None`. A request takes a
    twentieth of a second, so that no two things happen at the same moment.
    """

    def __init__(self, world, before=lambda _call: None, after=lambda _call, _answer: None):
        self.world, self.before, self.after = world, before, after

    def handle_request(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        read = self.answer(request, request.url.params.multi_items(), headers)
        return httpx.Response(read.status_code, headers=read.headers, stream=httpx.ByteStream(read.content))

    def request(self, method, url, *, params=None, data=None, content=None, headers=None):
        """Stand in for the library's whole transport: most of what it does for a network is not needed."""
        asked = httpx.Request(method, url, content=content if data is None else data)
        return self.answer(asked, list((params or {}).items()), headers)

    def answer(self, request, params, headers):
        call, operation = called(request, params, headers)
        answer = self.before(call)
        self.world.advance(TRAVEL_SECONDS)
        if answer is None:
            answer = served(self.world, call, operation)
        status, named, content = content_of(answer, request)
        self.after(call, answer)
        request.headers = httpx.Headers(headers)
        return httpx.Response(status, headers=named, content=content, request=request)


class Process:
    """One process of the seller: its own way to Amazon and its own door to the store they share."""

    def __init__(self, name, world, store, before, after):
        self.name, self.world = name, world
        self.ledger = open_ledger(store)
        self.account = AmazonAccount(
            name="main",
            seller_id=SELLER,
            marketplaces=[MARKET],
            endpoint=ORIGIN,
            token_endpoint=f"{ORIGIN}/auth/o2/token",
            credentials=Credentials(**SECRETS),
            clock=self,
            throttle=Throttle(self, rate_factor=RATE_FACTOR),
        )
        transport = Inside(world, lambda call: before(self, call), lambda *both: after(self, *both))
        gateway = self.account.gateway
        for client in (gateway._tokens._client, gateway.documents._client):
            client._transport = transport
        gateway._clients["orders"]._transport.close()
        for client in gateway._clients.values():
            client._transport = transport

    def now(self):
        return self.world.now()

    def sleep(self, seconds):
        self.world.advance(seconds)

    def close(self):
        self.account.close()
        self.ledger.close()


def empty_store(folder):
    """A store that knows nothing; made once, then copied."""
    template = Path(_folder.name) / "template.db"
    if not template.exists():
        open_ledger(f"sqlite:///{template}", create=True).close()
    store = Path(folder) / "store.db"
    shutil.copy(template, store)
    return f"sqlite:///{store}"


@contextlib.contextmanager
def opened(
    names, before=lambda _process, _call: None, after=lambda _process, _call, _answer: None, **scenario
):
    """An emulated Amazon and processes of one seller beside each other: yields the world and them."""
    usual = {
        "seller_id": SELLER,
        "marketplace_id": MARKET,
        "token_seconds": 10**9,
        "rate_factor": RATE_FACTOR,
    }
    world = load_scenario(usual | scenario)
    with tempfile.TemporaryDirectory(dir=_folder.name) as folder, contextlib.ExitStack() as ends:
        store, processes = empty_store(folder), []
        for name in names:
            process = Process(name, world, store, before, after)
            ends.callback(process.close)
            processes.append(process)
        yield world, processes
