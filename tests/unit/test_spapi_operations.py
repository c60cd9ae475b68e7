"""The operations beside orders and listings: what each sends, whose token it carries, what is sent twice."""

import contextlib
import dataclasses
import json

import pytest

from fbm_sync.adapters.spapi.clients import make_clients
from fbm_sync.adapters.spapi.operations import OPERATIONS, PUBLISHED_PLANS
from fbm_sync.adapters.spapi.sellers import Participation, participations, read_participations
from fbm_sync.errors import AccessRefused, Throttled, Unavailable, UnexpectedPayload

from misbehaving import CREDENTIALS, HTML, US, Reply, VirtualClock, gateway_at, misbehaving_amazon


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        yield amazon


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def connect(amazon, clock):
    with contextlib.ExitStack() as stack:

        def connect(**options):
            return stack.enter_context(contextlib.closing(gateway_at(amazon, clock, **options)))

        yield connect


@pytest.fixture
def gateway(connect):
    return connect()


ANSWERS = {
    "feeds": {"feedDocumentId": "d", "url": "u", "feedId": "f", "processingStatus": "DONE", "feeds": []},
    "reports": {
        "reportDocumentId": "d",
        "url": "u",
        "reportId": "r",
        "processingStatus": "DONE",
        "reports": [],
    },
    "notifications": {"payload": {}},
    "sellers": {"payload": []},
}
FEEDS, REPORTS = "/feeds/2021-06-30", "/reports/2021-06-30"
SUBSCRIPTIONS = "/notifications/v1/subscriptions"
SENT = [
    ("createFeedDocument", (), {"contentType": "text/plain"}, "POST", f"{FEEDS}/documents"),
    ("createFeed", (), {"feedType": "F", "marketplaceIds": [US]}, "POST", f"{FEEDS}/feeds"),
    ("getFeed", ("f/1",), None, "GET", f"{FEEDS}/feeds/f%2F1"),
    ("getFeeds", (), None, "GET", f"{FEEDS}/feeds"),
    ("cancelFeed", ("f1",), None, "DELETE", f"{FEEDS}/feeds/f1"),
    ("getFeedDocument", ("d1",), None, "GET", f"{FEEDS}/documents/d1"),
    ("createReport", (), {"reportType": "R", "marketplaceIds": [US]}, "POST", f"{REPORTS}/reports"),
    ("getReport", ("r1",), None, "GET", f"{REPORTS}/reports/r1"),
    ("getReports", (), None, "GET", f"{REPORTS}/reports"),
    ("getReportDocument", ("d1",), None, "GET", f"{REPORTS}/documents/d1"),
    ("getDestinations", (), None, "GET", "/notifications/v1/destinations"),
    ("createDestination", (), {"name": "n"}, "POST", "/notifications/v1/destinations"),
    ("getSubscription", ("ORDER_CHANGE",), None, "GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE"),
    (
        "createSubscription",
        ("ORDER_CHANGE",),
        {"destinationId": "d"},
        "POST",
        f"{SUBSCRIPTIONS}/ORDER_CHANGE",
    ),
    ("deleteSubscriptionById", ("ORDER_CHANGE", "s1"), None, "DELETE", f"{SUBSCRIPTIONS}/ORDER_CHANGE/s1"),
    ("getMarketplaceParticipations", (), None, "GET", "/sellers/v1/marketplaceParticipations"),
]


@pytest.mark.parametrize(
    ("operation", "path", "body", "method", "address"), SENT, ids=[row[0] for row in SENT]
)
def test_a_request_carries_what_was_meant_and_nothing_else(
    amazon, gateway, operation, path, body, method, address
):
    amazon.usual = Reply(body=ANSWERS[OPERATIONS[operation].api])
    gateway.call(operation, *path, body=body)
    (seen,) = amazon.calls
    assert (seen.method, seen.path, seen.query) == (method, address, [])
    assert (json.loads(seen.body) if seen.body else None) == body


@pytest.mark.parametrize("operation", ["getFeeds", "getReports", "getSubscription"])
def test_a_filter_goes_out_as_it_was_given(amazon, gateway, operation):
    amazon.usual = Reply(body=ANSWERS[OPERATIONS[operation].api])
    path = ("ORDER_CHANGE",) if operation == "getSubscription" else ()
    gateway.call(operation, *path, params={"nextToken": "a b&c"})
    assert amazon.calls[0].query == [("nextToken", "a b&c")]


def test_every_operation_has_a_plan_and_a_method_of_its_client(amazon, clock, gateway):
    assert set(OPERATIONS) < set(PUBLISHED_PLANS)
    for operation in OPERATIONS.values():
        assert callable(getattr(gateway._clients[operation.api], operation.method))
    assert set(gateway._clients) == {operation.api for operation in OPERATIONS.values()}
    assert make_clients.__module__.startswith("fbm_sync.")


def test_what_acts_for_the_application_carries_a_token_of_the_application(amazon, gateway):
    amazon.usual = Reply(body={"payload": {}})
    gateway.call("getDestinations")
    gateway.call("getSubscription", "ORDER_CHANGE")
    gateway.call("getDestinations")
    forms = [dict(pair.split("=", 1) for pair in login.body.decode().split("&")) for login in amazon.logins]
    assert [form["grant_type"] for form in forms] == ["client_credentials", "refresh_token"]
    assert forms[0]["scope"] == "sellingpartnerapi%3A%3Anotifications"
    assert "refresh_token" not in forms[0]
    assert "scope" not in forms[1]
    tokens = [seen.headers["x-amz-access-token"] for seen in amazon.calls]
    assert tokens == ["Atza|1", "Atza|2", "Atza|1"]


def test_a_dead_token_of_the_application_is_replaced_without_anyone_noticing(amazon, gateway):
    amazon.usual = Reply(body={"payload": {}})
    gateway.call("getDestinations")
    amazon.answer(Reply(status=403, body={"message": "Forbidden"}))
    gateway.call("getDestinations")
    assert [seen.headers["x-amz-access-token"] for seen in amazon.calls] == ["Atza|1", "Atza|1", "Atza|2"]


@pytest.mark.parametrize(
    "operation", ["createFeed", "createReport", "createSubscription", "createDestination"]
)
def test_what_must_not_happen_twice_is_not_sent_again_when_its_fate_is_unknown(amazon, gateway, operation):
    path = ("ORDER_CHANGE",) if operation == "createSubscription" else ()
    for reply in (Reply(status=503, body=HTML), Reply(reset=True), Reply(status=500, body={"errors": []})):
        amazon.calls.clear()
        amazon.answer(reply)
        with pytest.raises(Unavailable):
            gateway.call(operation, *path, body={"a": "b"})
        assert len(amazon.calls) == 1


def test_what_must_not_happen_twice_waits_for_its_quota_all_the_same(amazon, clock, gateway):
    amazon.answer(Reply(status=429, body={"errors": []}), Reply(body={"feedId": "f1"}))
    assert gateway.call("createFeed", body={"a": "b"}).body == {"feedId": "f1"}
    assert clock.elapsed >= 60
    assert gateway.throttled == 1


def test_an_upload_place_may_be_asked_for_twice(amazon, gateway):
    amazon.answer(Reply(status=503, body=HTML), Reply(body={"feedDocumentId": "d", "url": "u"}))
    gateway.call("createFeedDocument", body={"contentType": "text/plain"})
    assert len(amazon.calls) == 2


def test_a_withdrawal_needs_no_words_in_answer(amazon, gateway):
    amazon.answer(Reply(body=b""))
    assert gateway.call("cancelFeed", "f1").status == 200


def test_an_answer_to_a_read_needs_words(amazon, gateway):
    amazon.usual = Reply(body=b"")
    with pytest.raises(Unavailable):
        gateway.call("getFeed", "f1")


@pytest.mark.parametrize("operation", ["getFeeds", "getReport", "getDestinations"])
def test_a_success_without_its_own_key_is_none(amazon, gateway, operation):
    amazon.usual = Reply(body={"message": "all well"})
    path = ("r1",) if operation == "getReport" else ()
    with pytest.raises(UnexpectedPayload, match="has no"):
        gateway.call(operation, *path)


def test_five_feeds_in_five_minutes_and_not_six(amazon, clock, gateway):
    amazon.usual = Reply(body={"feedId": "f1"})
    for _ in range(5):
        gateway.call("createFeed", body={})
    assert clock.elapsed == 0
    gateway.call("createFeed", body={})
    assert clock.elapsed == pytest.approx(60, abs=0.1)


# --- two client secrets while a new one spreads ----------------------------------------------------

BOTH = dataclasses.replace(CREDENTIALS, client_secret="n3w", former_client_secret="s3cret")
UNKNOWN_CLIENT = Reply(status=401, body={"error": "invalid_client", "error_description": "Unknown"})


def test_a_new_secret_that_amazon_does_not_know_yet_is_bridged_by_the_former(amazon, connect):
    amazon.login_replies.append(UNKNOWN_CLIENT)
    connect(credentials=BOTH).call("getOrder", "1")
    assert [b"client_secret=n3w" in login.body for login in amazon.logins] == [True, False]
    assert b"client_secret=s3cret" in amazon.logins[1].body


def test_the_former_secret_is_left_alone_once_the_new_one_works(amazon, connect, clock):
    gateway = connect(credentials=BOTH)
    gateway.call("getOrder", "1")
    clock.sleep(3600)
    gateway.call("getOrder", "1")
    assert all(b"client_secret=n3w" in login.body for login in amazon.logins)


def test_when_neither_secret_is_known_the_answer_is_remembered(amazon, connect):
    amazon.login_replies.extend([UNKNOWN_CLIENT, UNKNOWN_CLIENT])
    gateway = connect(credentials=BOTH)
    for _ in range(3):
        with pytest.raises(AccessRefused, match="invalid_client") as caught:
            gateway.call("getOrder", "1")
        assert "s3cret" not in str(caught.value)
    assert len(amazon.logins) == 2


def test_a_refused_authorization_is_not_tried_with_another_secret(amazon, connect):
    amazon.login_replies.append(Reply(status=400, body={"error": "invalid_grant"}))
    with pytest.raises(AccessRefused, match="invalid_grant"):
        connect(credentials=BOTH).call("getOrder", "1")
    assert len(amazon.logins) == 1


# --- where the account may sell ----------------------------------------------------------------------


def test_participations_say_where_the_account_sells(amazon, gateway):
    entry = {
        "marketplace": {"id": US, "name": "Amazon.com", "countryCode": "US"},
        "participation": {"isParticipating": True, "hasSuspendedListings": False},
        "storeName": "Mug Shop",
    }
    amazon.usual = Reply(body={"payload": [entry]})
    assert participations(gateway) == (
        Participation(marketplace=US, country="US", sells=True, suspended=False),
    )
    assert gateway.requests == {"getMarketplaceParticipations": 1}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"marketplace": {"id": US}},
            Participation(marketplace=US, country=US, sells=False, suspended=False),
        ),
        (
            {
                "marketplace": {"id": US},
                "participation": {"isParticipating": True, "hasSuspendedListings": True},
            },
            Participation(marketplace=US, country=US, sells=True, suspended=True),
        ),
    ],
)
def test_what_amazon_leaves_out_is_not_taken_for_good_news(entry, expected):
    assert read_participations({"payload": [entry]}) == (expected,)


@pytest.mark.parametrize("payload", [None, [], [{}], [{"marketplace": {}}], ["text"], {"a": 1}])
def test_an_answer_without_marketplaces_names_none(payload):
    assert read_participations({"payload": payload}) == ()


def test_the_quota_of_participations_outlasts_no_patience(amazon, clock, gateway):
    amazon.usual = Reply(status=429, body={"errors": []})
    with pytest.raises(Throttled):
        participations(gateway)
