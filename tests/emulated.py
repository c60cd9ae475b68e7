"""An emulated account for tests of the emulator itself: asked in-process, without a socket."""

import asyncio
from datetime import timedelta

import httpx

from fbm_sync.emulator import create_app, load_scenario

NOON = "2026-03-02T20:00:00Z"  # a Monday noon in Los Angeles
SELLER = "A1EXAMPLE"
MARKET = "ATVPDKIKX0DER"


class Shop:
    """An emulated account and a client of it that is let in."""

    def __init__(self, **scenario):
        listings = [{"sku": "MUG", "quantity": 10, "price": "9.50"}, {"sku": "BOWL", "quantity": 3}]
        usual = {"start_at": NOON, "rate_factor": 1000, "token_seconds": 10**9, "listings": listings}
        self.world = load_scenario(usual | scenario)
        self.app = create_app(self.world)
        form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
        self.headers = {}
        self.headers["x-amz-access-token"] = self.ask("POST", "/auth/o2/token", data=form).json()[
            "access_token"
        ]

    def ask(self, method, path, **details):
        async def send():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://amazon") as client:
                return await client.request(method, path, **{"headers": self.headers} | details)

        return asyncio.run(send())

    def control(self, what, body):
        answer = self.ask("POST", f"/_emulator/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, **time):
        return self.control("advance", {"seconds": timedelta(**time).total_seconds()})

    def state(self):
        return self.ask("GET", "/_emulator/state").json()
