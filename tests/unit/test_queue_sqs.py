"""The adapter to SQS: what AWS's troubles are called, what a queue looks like, and what is never said."""

import io
import json
import logging
import sys

import boto3
import pytest
import structlog
from botocore.exceptions import NoCredentialsError, ProfileNotFound, SSOTokenLoadError

from fbm_sync import logs
from fbm_sync.adapters.queue.policy import AMAZON, EVENT_BRIDGE, admits
from fbm_sync.adapters.queue.sqs import SqsHints
from fbm_sync.adapters.spapi.hints import read_hint
from fbm_sync.errors import (
    AccessRefused,
    ConfigError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)

from misbehaving import HTML, Reply, misbehaving_amazon
from notices import POSTAL_CODE, order_change
from queues import AWS_ENVIRONMENT, REGION, new_queue, running_sqs


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """The credentials every AWS program finds, and no pauses between its retries."""
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


@pytest.fixture
def server():
    with misbehaving_amazon() as amazon:
        yield amazon


def open_queue(url, endpoint, **changes):
    options = {"wait_seconds": 0, "hidden_seconds": 0} | changes
    return SqsHints(account="main", url=url, region=REGION, endpoint=endpoint, read=read_hint, **options)


def before(server):
    return open_queue(f"{server.url}/123456789012/q", server.url)


def refusal(code, status=400, message="User: arn:aws:iam::123456789012:user/jane is not authorized"):
    headers = {"content-type": "application/x-amz-json-1.0"}
    return Reply(
        status=status, body={"__type": f"com.amazonaws.sqs#{code}", "message": message}, headers=headers
    )


# --- what AWS's troubles are called


@pytest.mark.parametrize(
    ("reply", "error", "helps"),
    [
        (refusal("AccessDenied", 403), AccessRefused, "sqs:ReceiveMessage"),
        (refusal("AccessDeniedException"), AccessRefused, "sqs:ReceiveMessage"),
        (refusal("KmsAccessDenied"), AccessRefused, "sqs:ReceiveMessage"),
        (refusal("InvalidClientTokenId", 403), AccessRefused, "credentials"),
        (refusal("ExpiredToken", 403), AccessRefused, "credentials"),
        (refusal("SignatureDoesNotMatch", 403), AccessRefused, "credentials"),
        (refusal("UnrecognizedClientException"), AccessRefused, "credentials"),
        (refusal("Anything", 401), AccessRefused, "credentials"),
        (refusal("QueueDoesNotExist"), RequestRejected, "Make the queue"),
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), RequestRejected, "Make the queue"),
        (refusal("InvalidAddress"), RequestRejected, "not repeated"),
        (refusal("RequestThrottled", 403), Throttled, "next run"),
        (refusal("ThrottlingException"), Throttled, "next run"),
        (refusal("OverLimit"), Throttled, "next run"),
        (refusal("InternalFailure", 500), Unavailable, "next run"),
        (Reply(status=503, body=HTML), Unavailable, "next run"),
        (Reply(reset=True), Unavailable, "next run"),
    ],
)
def test_each_trouble_has_its_name_and_what_helps(server, reply, error, helps):
    server.usual = reply
    with pytest.raises(error, match=helps) as raised:
        before(server).receive()
    assert raised.value.operation == "sqs:ReceiveMessage"
    assert "jane" not in str(raised.value), "AWS's own words name people"
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize("reply", [refusal("InternalFailure", 500), Reply(reset=True)])
def test_a_short_trouble_is_tried_again_once_and_not_seen(server, reply):
    server.usual = Reply(body={"Messages": []})
    server.answer(reply)
    assert before(server).receive().is_empty
    assert len(server.calls) == 2


def test_nobody_waits_long_for_a_queue_that_does_not_answer(server):
    client = before(server)._client
    config = client.meta.config
    assert config.connect_timeout + config.read_timeout <= 10
    assert config.retries["total_max_attempts"] == 2
    assert config.proxies == {}


def test_aws_itself_is_asked_through_the_machines_proxy():
    queue = open_queue("https://sqs.us-east-1.amazonaws.com/123456789012/q", None)
    assert queue._client.meta.config.proxies is None
    assert queue._client.meta.endpoint_url == "https://sqs.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        ProfileNotFound(profile="shop"),
        SSOTokenLoadError(profile_name="shop", error_msg="x"),
    ],
)
def test_missing_aws_credentials_are_named_and_where_to_put_them(server, monkeypatch, error):
    queue = before(server)

    def fail(**_):
        raise error

    monkeypatch.setattr(queue._client, "receive_message", fail)
    with pytest.raises(AccessRefused, match=r"environment, ~/\.aws"):
        queue.receive()


def test_a_profile_that_does_not_exist_is_named_when_the_queue_is_opened(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AccessRefused, match="ProfileNotFound"):
        open_queue("http://127.0.0.1:9/123456789012/q", "http://127.0.0.1:9")


def test_without_the_aws_library_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'fbm-sync\[notifications\]'") as refused:
        open_queue("http://127.0.0.1:9/123456789012/q", "http://127.0.0.1:9")
    assert refused.value.problems == ("accounts.main.notifications: the AWS library is not installed",)


# --- messages


NONSENSE = ["[]", "7", '"text"', "{", '{"detail-type": "x", "detail": 7}', "[" * 100_000, '{"a": NaN}']


def test_nonsense_is_deleted_and_noted_once_each_without_its_content(sqs):
    owner = new_queue(sqs, "nonsense")
    for body in NONSENSE:
        owner.send(body)
    owner.send({"NotificationType": "ORDER_CHANGE", "DestinationPostalCode": POSTAL_CODE})
    queue = open_queue(owner.url, sqs)
    with structlog.testing.capture_logs() as told:
        batch = queue.receive()
        assert queue.receive().is_empty
    assert batch.discarded == len(NONSENSE) + 1
    assert {(line["event"], line["log_level"], line["account"]) for line in told} == {
        ("message_discarded", "warning", "main")
    }
    assert len({line["message"] for line in told}) == len(told) == len(NONSENSE) + 1
    assert POSTAL_CODE not in str(told)


def test_not_even_the_most_talkative_log_shows_a_message_or_a_key(sqs, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-of-aws")
    root, written = logging.getLogger(), io.StringIO()
    former = root.level, list(root.handlers)
    logs.configure(verbose=True, stream=written)
    try:
        owner = new_queue(sqs, "talkative")
        owner.send(order_change("111-1"))
        queue = open_queue(owner.url, sqs)
        queue.done(queue.receive().hints)
        structlog.get_logger().debug("something")
    finally:
        root.setLevel(former[0])
        root.handlers[:] = former[1]
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
    assert "something" in written.getvalue()
    for secret in (POSTAL_CODE, "111-1", "s3cret-of-aws"):
        assert secret not in written.getvalue()


def test_only_so_many_of_the_hints_done_are_remembered(sqs, monkeypatch):
    monkeypatch.setattr("fbm_sync.adapters.queue.sqs._REMEMBERED", 3)
    owner = new_queue(sqs, "many")
    queue = open_queue(owner.url, sqs)
    for number in range(5):
        owner.send(order_change(f"111-{number}"))
        queue.done(queue.receive().hints)
    assert len(queue._done) == 3


# --- what a queue looks like


def test_a_new_queue_says_what_waits_and_what_policy_it_needs(sqs):
    owner = new_queue(sqs, "bare")
    owner.send("x")
    state = open_queue(owner.url, sqs).inspect()
    assert (state.arn, state.waiting, state.is_fifo, state.encrypted_with) == (owner.arn, 1, False, None)
    assert admits(state.policy, AMAZON, owner.arn)
    assert not admits(state.policy, EVENT_BRIDGE, owner.arn)


def test_a_queue_with_that_policy_needs_nothing_more(sqs):
    owner = new_queue(sqs, "ready")
    queue = open_queue(owner.url, sqs, senders=(AMAZON, EVENT_BRIDGE))
    wanted = queue.inspect().policy
    assert {tuple(one["Principal"]) for one in json.loads(wanted)["Statement"]} == {("AWS",), ("Service",)}
    owner.client.set_queue_attributes(QueueUrl=owner.url, Attributes={"Policy": wanted})
    assert queue.inspect().policy is None


def test_a_fifo_queue_and_one_with_a_key_of_its_own_are_recognised(sqs):
    client = boto3.client("sqs", endpoint_url=sqs, region_name=REGION)
    fifo = client.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert open_queue(fifo, sqs).inspect().is_fifo
    locked = new_queue(sqs, "locked", KmsMasterKeyId="alias/aws/sqs")
    assert open_queue(locked.url, sqs).inspect().encrypted_with == "alias/aws/sqs"


def test_a_server_that_does_not_speak_as_sqs_does_is_named(server):
    server.usual = Reply(body={"status": "ok"})
    with pytest.raises(UnexpectedPayload, match="QueueArn"):
        before(server).inspect()


def test_a_queue_that_is_not_there_is_named(sqs):
    with pytest.raises(RequestRejected, match="there is no such queue"):
        open_queue(f"{sqs}/123456789012/nowhere", sqs).inspect()
