"""An emulated Amazon over real HTTP, and two clients that know nothing of it but its address."""

import dataclasses
import itertools
import os
from typing import Any

import httpx
import pytest
from foreign.amazons_sdk import AmazonsSdk
from foreign.python_amazon_sp_api import PythonAmazonSpApi

from fbm_sync.emulator import load_scenario, running

SELLER, MARKET = "A1EXAMPLE", "ATVPDKIKX0DER"
ORDERS = 205  # three pages of at most a hundred
SCENARIO = {
    "start_at": "2026-03-02T17:00:00Z",
    "seller_id": SELLER,
    "marketplace_id": MARKET,
    "listings": [
        {"sku": "MUG", "title": "Stoneware mug", "quantity": 40, "price": "14.90"},
        {"sku": "TEA/POT 1", "title": "Théière", "quantity": 6, "price": "39.00", "handling_days": 4},
    ],
    "orders": [
        {
            "created_at": f"2026-02-{20 + number // 48}T{number // 2 % 24:02d}:{number % 2 * 30:02d}:00Z",
            "items": [{"sku": "MUG", "quantity": 1 + number % 3}],
            "status": ("shipped", "cancelled", "shipped", "unshipped")[number % 4],
        }
        for number in range(ORDERS)
    ],
}
# python-amazon-sp-api keeps tokens for the whole process, by refresh token alone.
_refresh_tokens = (f"refresh-{os.getpid()}-{number}" for number in itertools.count())


@dataclasses.dataclass
class Amazon:
    """The emulator as a developer's test sees it."""

    world: Any
    url: str
    http: httpx.Client
    seller_id: str = SELLER
    marketplace_id: str = MARKET
    refresh_token: str = dataclasses.field(default_factory=lambda: next(_refresh_tokens))

    def control(self, path, body):
        answer = self.http.post(f"/_emulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self):
        return self.http.get("/_emulator/state").json()

    def advance(self, seconds):
        self.control("advance", {"seconds": seconds})

    def statuses(self, operation):
        """How the requests of one kind were answered, in their order."""
        seen = self.http.get("/_emulator/requests").json()["requests"]
        return [one["status"] for one in seen if one["operation"] == operation]


@pytest.fixture
def amazon(monkeypatch):
    # It would lead python-amazon-sp-api to the real Amazon, whatever the program says.
    monkeypatch.delenv("SP_API_DEFAULT_MARKETPLACE", raising=False)
    world = load_scenario(SCENARIO)
    with running(world) as url, httpx.Client(base_url=url, verify=False) as http:
        yield Amazon(world, url, http)


@pytest.fixture(params=[PythonAmazonSpApi, AmazonsSdk], ids=lambda kind: kind.package)
def client(request, amazon):
    with request.param(amazon) as client:
        yield client


@pytest.fixture
def community_client(amazon):
    with PythonAmazonSpApi(amazon) as client:
        yield client


@pytest.fixture
def amazons_sdk(amazon):
    with AmazonsSdk(amazon) as client:
        yield client
