"""What the conformance tests share: a shop to ask, an Amazon to be asked, and the counts of what was seen."""

import json

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount

import tally
from amazon_models import operation_at
from misbehaving import CREDENTIALS, US, VirtualClock, misbehaving_amazon
from witnessed import lived_in


@pytest.fixture(autouse=True)
def _counted(record_property):
    """Let a test's counts go with its report, wherever it runs."""
    tally.taken()  # what went on before, to make things ready, is no test
    yield
    for entry in tally.taken():
        record_property(tally.PROPERTY, entry)


@pytest.fixture(scope="module")
def opened():
    """One emulated shop for many tests, and its good requests."""
    return lived_in()


@pytest.fixture
def unmoved(opened):
    """That shop, for requests that are refused: nothing in it may change."""
    shop, _ = opened

    def state():
        state = shop.state()
        del state["counts"]["requests"]
        return state

    before = state()
    yield shop
    assert state() == before


@pytest.fixture(scope="module")
def server():
    with misbehaving_amazon() as amazon:
        yield amazon


@pytest.fixture
def amazon(server):
    """An Amazon that answers as it is told; all it was asked must be what Amazon's models allow."""
    server.calls.clear()
    server.replies.clear()
    yield server
    assert not server.replies, "not everything that was put down was asked for"
    for seen in server.calls:
        if seen.path.startswith("/documents/"):
            continue
        operation = operation_at(seen.method, seen.path)
        assert operation is not None, f"Amazon has no {seen.method} {seen.path}"
        body = json.loads(seen.body) if seen.body else None
        assert operation.request_faults(seen.query, body) == []
        assert seen.headers["content-type"] == "application/json"
        tally.count(tally.REQUEST, operation.name)


@pytest.fixture
def account(amazon):
    with AmazonAccount(
        name="main",
        seller_id="A1SELLER",
        marketplaces=[US],
        endpoint=amazon.url,
        token_endpoint=amazon.url + "/auth/o2/token",
        credentials=CREDENTIALS,
        clock=VirtualClock(),
    ) as account:
        yield account
