"""The emulator's reference text names everything a developer can ask of it, whatever is added later.

What there is comes from the running code: the operations and control paths that answer, the keys asked of a
scenario and of each control request, the words a choice allows, the keys of the answers.
"""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from fbm_sync.cli.commands import run
from fbm_sync.emulator import CONTROL_HELP, ScenarioError, create_app, load_scenario
from fbm_sync.emulator.fields import Fields
from fbm_sync.emulator.gate.operations import OPERATIONS
from fbm_sync.emulator.jobs.feeds import LISTINGS_FEED
from fbm_sync.emulator.jobs.report_contents import REPORT_TYPES
from fbm_sync.emulator.notifications.shapes import KINDS as NOTICES
from fbm_sync.emulator.troubles.chaos import KINDS as TROUBLES
from fbm_sync.emulator.troubles.chaos import USUAL_KINDS
from fbm_sync.emulator.troubles.faults import OPERATIONS as FAULTY_OPERATIONS

from emulated import MARKET, SELLER, Shop

# Every object there can be, all of them empty: each is asked for all its keys before it is refused.
EMPTY_SCENARIO = {
    "credentials": {},
    "listings": [{"channels": [{}]}],
    "orders": [{"items": [{}]}],
    "faults": [{}],
    "chaos": {},
}
EMPTY_CONTROLS = {
    "advance": {},
    "faults": {"add": [{}], "chaos": {}},
    "orders": {
        "place": [{"items": [{}]}],
        "ship": [{"items": [{}]}],
        "request_cancel": [{}],
        "cancel": [{}],
        "raw": [],
    },
    "listings": {},
    "feeds": {},
    "account": {},
    "tokens": {},
    "notifications": {},
}


class Asked:
    """What the code asked of the objects it read: their keys, and the words it would have taken."""

    def __init__(self):
        self.keys, self.words = set(), set()
        self.nested, self.opened = set(), set()


@pytest.fixture
def asked(monkeypatch):
    """Listens while objects are read."""
    heard = Asked()
    close, choice = Fields.close, Fields.choice
    objects, object_or_none = Fields.objects, Fields.object_or_none

    def hear_close(self):
        heard.keys |= self._seen
        close(self)

    def hear_choice(self, key, allowed, *args, **kwargs):
        heard.words |= set(allowed)
        return choice(self, key, allowed, *args, **kwargs)

    def hear_objects(self, key):
        found = objects(self, key)
        (heard.opened if found else heard.nested).add(key)
        return found

    def hear_object(self, key):
        found = object_or_none(self, key)
        (heard.opened if found else heard.nested).add(key)
        return found

    for name, method in {
        "close": hear_close,
        "choice": hear_choice,
        "objects": hear_objects,
        "object_or_none": hear_object,
    }.items():
        monkeypatch.setattr(Fields, name, method)
    return heard


def unnamed(words, *, quoted=False):
    """Those the reference does not have as a word of its own."""
    shape = '"{}"' if quoted else r"(?<![\w-]){}(?![\w-])"
    return sorted(word for word in words if not re.search(shape.format(re.escape(word)), CONTROL_HELP))


def control_paths(app):
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith("/_emulator/") and "{" not in route.path
        for method in route.methods - {"HEAD"}
    ]


def keys_of(document):
    """Every key of a JSON document; what the client's own words were, and ids and names, are left out."""
    if isinstance(document, list):
        return {key for one in document for key in keys_of(one)}
    if not isinstance(document, dict):
        return set()
    fixed = {key for key in document if re.fullmatch(r"[a-z_]+", key)}
    inner = [value for key, value in document.items() if key not in ("params", "changes", "submitted")]
    return fixed.union(*map(keys_of, inner))


def test_every_operation_is_named():
    names = {operation.name for operation in OPERATIONS}
    assert {"searchOrders", "downloadDocument"} <= names
    assert names == set(FAULTY_OPERATIONS), "every operation can be disturbed, and no other"
    assert unnamed(names) == []


def test_every_control_path_is_named_with_its_method():
    paths = control_paths(create_app(load_scenario({})))
    assert ("GET", "/_emulator/state") in paths
    assert [one for one in paths if not re.search(rf"{one[0]} +{one[1]}\b", CONTROL_HELP)] == []


def test_every_key_and_word_of_a_scenario_is_named(asked):
    with pytest.raises(ScenarioError):
        load_scenario(EMPTY_SCENARIO)
    assert {"start_at", "former_client_secret", "fulfillment_channel_code", "hidden_seconds"} <= asked.keys
    assert asked.nested - asked.opened == set(), "an object nobody opened has keys nobody heard of"
    assert unnamed(asked.keys) == []
    assert unnamed(asked.words) == []


@pytest.fixture
def shop():
    """An account that was opened before anybody listens."""
    return Shop(credentials={"client_id": "c", "client_secret": "s", "refresh_token": "r"})


def test_every_key_and_word_of_a_control_request_is_named(shop, asked):
    posts = {path.removeprefix("/_emulator/") for method, path in control_paths(shop.app) if method == "POST"}
    assert posts == set(EMPTY_CONTROLS), "a control path without an example here is not looked at"
    for path, body in EMPTY_CONTROLS.items():
        assert shop.ask("POST", f"/_emulator/{path}", json=body).status_code == 400
    assert {"clear_restock", "seconds", "within_seconds", "wrong_word"} - asked.keys == {"wrong_word"}
    assert asked.nested - asked.opened == set()
    assert unnamed(asked.keys, quoted=True) == []
    assert unnamed(asked.words - set(FAULTY_OPERATIONS)) == []


def test_every_key_a_control_request_answers_is_named(shop):
    order = {"order_id": "111-0000000-0000001"}
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 5}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    params, body = {"marketplaceIds": MARKET}, {"productType": "HOME", "patches": patches}
    shop.ask("PATCH", f"/listings/2021-08-01/items/{SELLER}/MUG", params=params, json=body)
    answers = [
        shop.state(),
        shop.control("faults", {"operation": "getOrder", "status": 503}),
        shop.control("orders", {"place": [order | {"items": [{"sku": "MUG", "quantity": 1}]}]}),
        shop.control("orders", {"ship": [order], "request_cancel": [order]}),
        shop.control("orders", {"cancel": [order], "raw": [{"orderId": "x"}]}),
        shop.control("listings", {"sku": "MUG", "quantity": 2}),
        shop.control("feeds", {"frozen": True}),
        shop.control("account", {"status": "AT_RISK"}),
        shop.control("tokens", {"end_rotation": True}),
        shop.control("notifications", {"flush": True}),
        shop.advance(seconds=1),
        shop.state(),
        shop.ask("GET", "/_emulator/requests").json(),
        shop.ask("POST", "/_emulator/advance", json={}).json(),
    ]
    keys = keys_of(answers)
    assert {"live_quantity", "submission_id", "cancel_requested", "problems", "flushed"} <= keys
    assert unnamed(keys, quoted=True) == []


def test_every_trouble_feed_report_and_notification_is_named():
    assert unnamed({*TROUBLES, LISTINGS_FEED, *REPORT_TYPES, *NOTICES}) == []
    assert ", ".join(USUAL_KINDS) in " ".join(CONTROL_HELP.split())


def test_the_help_of_the_command_shows_the_reference_line_by_line(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["emulator", "--help"]) == 0
    _, title, rest = capsys.readouterr().out.partition("THE EMULATED AMAZON")
    shown = [line.split() for line in (title + rest).splitlines()]
    assert shown[: CONTROL_HELP.count("\n")] == [line.split() for line in CONTROL_HELP.splitlines()]


def test_the_reference_fits_a_screen():
    assert max(map(len, CONTROL_HELP.splitlines())) <= 110
