"""The emulator as a tool of its own: started from a shell, asked over HTTP, ended with Ctrl-C."""

import json

import httpx
import pytest
from foreign.emulator_command import serving

from fbm_sync.emulator import load_scenario, running

SHOP = {
    "start_at": "2026-03-02T17:00:00Z",
    "seller_id": "A2OTHER",
    "marketplace_id": "A1PA6795UKMFR9",
    "listings": [{"sku": "MUG", "quantity": 9}],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop.json").write_text(json.dumps(SHOP), encoding="utf-8")
    return tmp_path


def test_it_answers_where_it_says_from_the_moment_it_says_so_and_ctrl_c_ends_it_cleanly(folder):
    with serving("--scenario", "shop.json", folder=folder) as served:
        assert served.http.get("/_emulator/state").json()["listings"]["MUG"]["live_quantity"] == 9
        code, printed = served.interrupt()
    assert (code, printed) == (0, "")
    assert "".join(served.announcement).splitlines() == [
        f"The emulated Amazon answers on {served.url} (stop with Ctrl-C)",
        f'  endpoint       = "{served.url}"',
        f'  token_endpoint = "{served.url}/auth/o2/token"',
        "Seller A2OTHER, marketplace A1PA6795UKMFR9. More: fbm-sync emulator --help",
    ]


def test_a_script_is_told_everything_as_one_json_document(folder):
    with serving("--scenario", "shop.json", "--json", folder=folder) as served:
        document = json.loads("".join(iter(served.process.stdout.readline, "}\n")) + "}")
        assert document == {
            "endpoint": served.url,
            "token_endpoint": f"{served.url}/auth/o2/token",
            "seller_id": "A2OTHER",
            "marketplace_id": "A1PA6795UKMFR9",
        }
        assert served.interrupt() == (0, "")


def answers(seed):
    """All that a client sees in a short run with many troubles: status, headers and body of each answer."""
    mug = {"items": [{"sku": "MUG", "quantity": 1}]}
    form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
    since = {"lastUpdatedAfter": "2026-03-01T00:00:00Z", "maxResultsPerPage": 2}
    with running(load_scenario(SHOP, seed=seed)) as url, httpx.Client(base_url=url, verify=False) as client:
        logged_in = client.post("/auth/o2/token", data=form)
        client.headers["x-amz-access-token"] = logged_in.json()["access_token"]
        placed = client.post("/_emulator/orders", json={"place": [mug] * 3})
        client.post("/_emulator/faults", json={"chaos": {"share": 0.5, "kinds": ["503-html", "429"]}})
        client.post("/_emulator/advance", json={"seconds": 600})
        pages = [client.get("/orders/2026-01-01/orders", params=since) for _ in range(12)]
    assert {page.status_code for page in pages} == {200, 429, 503}
    return [(one.status_code, dict(one.headers), one.content) for one in (logged_in, placed, *pages)]


def test_a_seed_gives_the_same_answers_to_the_last_byte():
    assert answers(seed=7) == answers(seed=7)
    assert answers(seed=7) != answers(seed=8)
