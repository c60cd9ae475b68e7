"""Setting up Amazon's notifications: what exists is kept, what is missing is made, trouble is told each."""

import contextlib
import json

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.notifications import EventBridge, Standing, Wanted
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.emulator import load_scenario, running

from fakes import FakeClock
from misbehaving import CREDENTIALS, HTML, Reply, misbehaving_amazon
from queues import new_queue, running_sqs

TO_QUEUE = [
    "ORDER_CHANGE",
    "ACCOUNT_STATUS_CHANGED",
    "FEED_PROCESSING_FINISHED",
    "REPORT_PROCESSING_FINISHED",
]
TO_BRIDGE = ["LISTINGS_ITEM_MFN_QUANTITY_CHANGE", "LISTINGS_ITEM_ISSUES_CHANGE"]
BRIDGE = EventBridge(region="us-east-1", account="123456789012")
ARN = "arn:aws:sqs:us-east-1:123456789012:fbm-sync"
PRESENT, MADE, MISSING, ELSEWHERE, FAILED = Standing


@contextlib.contextmanager
def account_at(url, credentials=CREDENTIALS):
    account = AmazonAccount(
        name="main",
        seller_id="A1EXAMPLE",
        marketplaces=["ATVPDKIKX0DER"],
        endpoint=url,
        token_endpoint=f"{url}/auth/o2/token",
        credentials=credentials,
        clock=FakeClock(),
    )
    with account:
        yield account


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


@pytest.fixture
def amazon(sqs):
    """The emulated Amazon, which delivers to real queues, and the account's way to it."""
    world = load_scenario({"rate_factor": 1000, "listings": []}, sqs_endpoint=sqs)
    with running(world) as url, account_at(url) as account:
        account.world = world
        yield account


@pytest.fixture
def wanted(sqs):
    return Wanted(queue_arn=new_queue(sqs, "setup").arn, event_bridge=BRIDGE)


def standings(arrangements):
    return {one.what: one.standing for one in arrangements}


def all_of(standing):
    names = ["destination queue", *TO_QUEUE, "destination EventBridge", *TO_BRIDGE]
    return dict.fromkeys(names, standing)


def requests(account):
    return {name: count for name, count in account.gateway.requests.items() if not name.startswith("get")}


# --- with the emulated Amazon


def test_at_first_everything_is_missing_and_looking_changes_nothing(amazon, wanted):
    found = amazon.subscriptions.status(wanted)
    assert standings(found) == all_of(MISSING)
    assert {one.next_step for one in found} == {
        "Run `fbm-sync notifications setup`.",
        "Its destination comes first.",
    }
    assert requests(amazon) == {}
    assert not any(one.is_good for one in found)


def test_setting_up_makes_what_is_missing_and_a_second_time_keeps_it(amazon, wanted):
    made = amazon.subscriptions.setup(wanted)
    assert standings(made) == all_of(MADE)
    assert requests(amazon) == {"createDestination": 2, "createSubscription": 6}
    assert standings(amazon.subscriptions.setup(wanted)) == all_of(PRESENT)
    assert standings(amazon.subscriptions.setup(wanted, replace=True)) == all_of(PRESENT)
    assert standings(amazon.subscriptions.status(wanted)) == all_of(PRESENT)
    assert requests(amazon) == {"createDestination": 2, "createSubscription": 6}


def test_the_event_source_that_has_to_be_taken_up_is_named(amazon, wanted):
    (bridge,) = [one for one in amazon.subscriptions.setup(wanted) if one.what == "destination EventBridge"]
    assert "event source aws.partner/sellingpartnerapi.amazon.com/123456789012/" in bridge.detail


def test_without_event_bridge_nothing_is_asked_of_it(amazon, wanted):
    found = amazon.subscriptions.setup(Wanted(queue_arn=wanted.queue_arn))
    assert list(standings(found)) == ["destination queue", *TO_QUEUE]


def test_a_destination_made_by_hand_under_any_name_is_used(amazon, wanted):
    body = {"name": "mine", "resourceSpecification": {"sqs": {"arn": wanted.queue_arn}}}
    amazon.gateway.call("createDestination", body=body)
    found = amazon.subscriptions.setup(wanted)
    assert (found[0].standing, found[0].detail) == (PRESENT, "mine")
    assert standings(found)["ORDER_CHANGE"] is MADE


def test_a_subscription_that_goes_elsewhere_is_left_alone_unless_asked(amazon, wanted, sqs):
    former = Wanted(queue_arn=new_queue(sqs, "former").arn)
    amazon.subscriptions.setup(former)
    for found in (amazon.subscriptions.setup(wanted), amazon.subscriptions.status(wanted)):
        here = {name: standing for name, standing in standings(found).items() if name in TO_QUEUE}
        assert here == dict.fromkeys(TO_QUEUE, ELSEWHERE)
        assert all("--replace" in one.next_step for one in found if one.standing is ELSEWHERE)
    assert "deleteSubscriptionById" not in requests(amazon)
    assert standings(amazon.subscriptions.status(former))["ORDER_CHANGE"] is PRESENT
    moved = standings(amazon.subscriptions.setup(wanted, replace=True))
    assert {moved[name] for name in TO_QUEUE} == {MADE}
    assert requests(amazon)["deleteSubscriptionById"] == 4
    assert standings(amazon.subscriptions.status(wanted)) == all_of(PRESENT)


def test_a_queue_that_is_not_there_fails_alone_and_says_why(amazon):
    found = amazon.subscriptions.setup(Wanted(queue_arn=ARN, event_bridge=BRIDGE))
    told = standings(found)
    assert told["destination queue"] is FAILED
    assert "createDestination answered 400" in found[0].detail
    assert {told[name] for name in TO_QUEUE} == {MISSING}
    assert {told[name] for name in ("destination EventBridge", *TO_BRIDGE)} == {MADE}


def test_while_its_destination_is_missing_a_subscription_is_known_to_go_elsewhere(amazon, wanted):
    amazon.subscriptions.setup(wanted)
    other = standings(amazon.subscriptions.status(Wanted(queue_arn=ARN)))
    assert other == {"destination queue": MISSING} | dict.fromkeys(TO_QUEUE, ELSEWHERE)


# --- with an Amazon that says what it likes


@pytest.fixture
def told():
    """An Amazon that gives the answers put down, whatever it is asked."""
    with (
        misbehaving_amazon() as server,
        account_at(server.url, Credentials(client_id="c", client_secret="s", refresh_token="r")) as account,
    ):
        server.subscriptions = account.subscriptions
        yield server


def reply(payload, status=200):
    return Reply(status=status, body={"payload": payload})


def refused(status):
    return Reply(status=status, body={"errors": [{"code": "No", "message": "It cannot be"}]})


def a_destination(arn=ARN, destination_id="d-1"):
    return {"destinationId": destination_id, "name": "x", "resource": {"sqs": {"arn": arn}}}


def a_subscription(destination_id="d-1"):
    return {"subscriptionId": "s-1", "destinationId": destination_id, "payloadVersion": "1.0"}


def asked(server):
    return [(seen.method, seen.path.rpartition("/v1/")[2]) for seen in server.calls]


def test_a_destination_made_by_someone_else_meanwhile_is_used(told):
    told.answer(reply([]), refused(409), reply([a_destination()]))
    told.usual = reply(a_subscription())
    found = told.subscriptions.setup(Wanted(queue_arn=ARN))
    assert [one.standing for one in found][:2] == [MADE, PRESENT]


def test_a_name_that_is_taken_for_another_queue_is_said(told):
    told.answer(reply([]), refused(409), reply([a_destination("arn:aws:sqs:us-east-1:123456789012:other")]))
    told.usual = refused(404)
    found = told.subscriptions.setup(Wanted(queue_arn=ARN))
    assert found[0].standing is FAILED
    assert "It cannot be" in found[0].detail
    assert {one.standing for one in found[1:]} == {MISSING}


@pytest.mark.parametrize(("after", "standing"), [("d-1", MADE), ("d-2", ELSEWHERE), (None, FAILED)])
def test_a_subscription_made_by_someone_else_meanwhile_is_looked_at(told, after, standing):
    there = refused(404) if after is None else reply(a_subscription(after))
    told.answer(reply([a_destination()]), refused(404), refused(409), there)
    told.usual = reply(a_subscription())
    assert told.subscriptions.setup(Wanted(queue_arn=ARN))[1].standing is standing


def test_trouble_with_one_kind_keeps_no_other_from_being_set_up(told):
    told.answer(reply([a_destination()]), refused(403), refused(403), refused(404), reply(a_subscription()))
    told.usual = reply(a_subscription())
    found = told.subscriptions.setup(Wanted(queue_arn=ARN))
    assert [one.standing for one in found] == [PRESENT, FAILED, MADE, PRESENT, PRESENT]
    assert "getSubscription answered 403" in found[1].detail
    assert "roles of the application" in found[1].detail


def test_a_lost_answer_makes_no_second_subscription(told):
    told.answer(reply([a_destination()]), refused(404), Reply(status=503, body=HTML))
    told.usual = reply(a_subscription())
    found = told.subscriptions.setup(Wanted(queue_arn=ARN))
    assert found[1].standing is FAILED
    assert asked(told).count(("POST", "subscriptions/ORDER_CHANGE")) == 1
    assert told.subscriptions.setup(Wanted(queue_arn=ARN))[1].standing is PRESENT


def test_what_is_not_subscribed_to_is_missing_although_its_destination_is_there(told):
    told.answer(reply([a_destination()]), refused(404), refused(400))
    told.usual = reply(a_subscription())
    found = told.subscriptions.status(Wanted(queue_arn=ARN))
    assert [one.standing for one in found] == [PRESENT, MISSING, FAILED, PRESENT, PRESENT]
    assert found[1].next_step == "Run `fbm-sync notifications setup`."
    assert {method for method, _ in asked(told)} == {"GET"}


def test_an_empty_answer_is_no_subscription(told):
    told.answer(reply([a_destination()]), reply({}), reply(a_subscription()))
    told.usual = reply(a_subscription())
    assert told.subscriptions.setup(Wanted(queue_arn=ARN))[1].standing is MADE


def test_each_kind_is_asked_for_in_the_version_that_is_understood(told):
    told.answer(reply([a_destination()]))
    for _ in TO_QUEUE:
        told.answer(refused(404), reply(a_subscription()))
    told.subscriptions.setup(Wanted(queue_arn=ARN))
    bodies = [json.loads(seen.body) for seen in told.calls if seen.method == "POST"]
    assert [body["payloadVersion"] for body in bodies] == ["1.0", "2021-01-01", "2020-09-04", "2020-09-04"]
    assert {body["destinationId"] for body in bodies} == {"d-1"}


def test_a_very_long_queue_name_makes_a_name_that_amazon_takes(told):
    told.answer(reply([]), reply(a_destination()))
    told.usual = reply(a_subscription())
    told.subscriptions.setup(Wanted(queue_arn=f"{ARN[:-8]}{'q' * 300}"))
    (body,) = [
        json.loads(seen.body) for seen in told.calls if seen.path.endswith("destinations") and seen.body
    ]
    assert len(body["name"]) == 256
    assert " " not in body["name"]
