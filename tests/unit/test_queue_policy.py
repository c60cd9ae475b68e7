"""Who may send into a queue: what a policy says, and what has to be pasted where it says too little."""

import json

import pytest

from fbm_sync.adapters.queue.policy import AMAZON, EVENT_BRIDGE, admits, completed

ARN = "arn:aws:sqs:us-east-1:123456789012:fbm-sync"
SENDING = ["SQS:SendMessage", "SQS:GetQueueAttributes"]


def a_statement(**changes):
    usual = {"Effect": "Allow", "Principal": {"AWS": AMAZON}, "Action": SENDING, "Resource": ARN}
    return usual | changes


def a_policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    "statement",
    [
        a_statement(),
        a_statement(Principal={"AWS": [f"arn:aws:iam::{AMAZON}:root", "111122223333"]}),
        a_statement(Principal="*"),
        a_statement(Principal={"AWS": "*"}),
        a_statement(Action="sqs:*"),
        a_statement(Action="*"),
        a_statement(Action=["sqs:send*", "sqs:GETQUEUEATTRIBUTES"]),
        a_statement(Resource="*"),
        a_statement(Resource=[f"{ARN[:-4]}*"]),
    ],
)
def test_amazon_may_send_where_a_statement_lets_it(statement):
    assert admits(a_policy(statement), AMAZON, ARN)


@pytest.mark.parametrize(
    "statement",
    [
        a_statement(Effect="Deny"),
        a_statement(Principal={"AWS": "111122223333"}),
        a_statement(Principal={"Service": AMAZON}),
        a_statement(Principal=None),
        a_statement(Action=["sqs:SendMessage"]),
        a_statement(Action=None),
        a_statement(Action=[7]),
        a_statement(Resource=ARN + "-other"),
        a_statement(Resource="arn:aws:sqs:us-east-1:123456789012:fbm-[s]ync"),
        "Allow",
    ],
)
def test_amazon_may_not_send_where_none_does(statement):
    assert not admits(a_policy(statement), AMAZON, ARN)


@pytest.mark.parametrize("policy", [None, "", "{}", "[]", "not JSON", '{"Statement": 7}'])
def test_a_queue_without_a_usable_policy_admits_nobody(policy):
    assert not admits(policy, AMAZON, ARN)
    assert admits(completed(policy, [AMAZON], ARN), AMAZON, ARN)


def test_what_amazon_needs_may_be_spread_over_statements():
    parts = [a_statement(Action=action) for action in SENDING]
    assert admits(a_policy(*parts), AMAZON, ARN)


def test_one_statement_that_is_not_in_a_list_counts():
    assert admits(json.dumps({"Statement": a_statement()}), AMAZON, ARN)


def test_event_bridge_is_a_service_and_needs_only_to_send():
    statement = a_statement(Principal={"Service": EVENT_BRIDGE}, Action="sqs:SendMessage")
    assert admits(a_policy(statement), EVENT_BRIDGE, ARN)
    assert not admits(a_policy(statement), AMAZON, ARN)
    assert not admits(a_policy(a_statement()), EVENT_BRIDGE, ARN)


def test_what_has_to_be_pasted_keeps_what_was_there_and_adds_only_what_is_missing():
    others = a_statement(Sid="Mine", Principal={"AWS": "111122223333"})
    full = completed(a_policy(others, a_statement()), [AMAZON, EVENT_BRIDGE], ARN)
    statements = json.loads(full)["Statement"]
    assert statements[:2] == [others, a_statement()]
    assert [one["Principal"] for one in statements[2:]] == [{"Service": EVENT_BRIDGE}]
    assert completed(full, [AMAZON, EVENT_BRIDGE], ARN) == full
