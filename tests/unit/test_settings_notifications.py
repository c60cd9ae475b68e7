"""The table of an account's notifications: which queue it names, and every way in which it is refused."""

import pytest

from fbm_sync.errors import ConfigError
from fbm_sync.settings import NotificationSettings, QueueSettings, load

AWS = "https://sqs.us-east-1.amazonaws.com/123456789012/fbm-sync"
LOCAL = "http://127.0.0.1:9324/123456789012/fbm-sync"
ARN = "arn:aws:sqs:us-east-1:123456789012:fbm-sync"


def an_account(name="main", seller="A1EXAMPLE", **table):
    lines = [f"[[accounts]]\nname = '{name}'\nseller_id = '{seller}'\nmarketplaces = ['ATVPDKIKX0DER']"]
    if table:
        lines += ["[accounts.notifications]", *(f"{key} = {value!r}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


@pytest.fixture
def read(tmp_path):
    def read_one(text):
        (tmp_path / "fbm_sync.toml").write_text(text)
        return load(tmp_path / "fbm_sync.toml", {}).accounts

    return read_one


@pytest.fixture
def problems(read):
    def of(text):
        with pytest.raises(ConfigError) as refusal:
            read(text)
        return [problem.removeprefix("fbm_sync.toml: ") for problem in refusal.value.problems]

    return of


def test_without_the_table_there_are_no_notifications(read):
    (account,) = read(an_account())
    assert account.notifications is None


def test_an_address_at_aws_tells_everything(read):
    (account,) = read(an_account(queue=AWS))
    assert account.notifications == NotificationSettings(
        queue=QueueSettings(url=AWS, arn=ARN, region="us-east-1", endpoint=None)
    )


@pytest.mark.parametrize(
    ("address", "arn"),
    [
        (AWS, ARN),
        (AWS.replace("https://sqs.us-east-1", "https://us-east-1.queue"), ARN),
        (AWS.replace("sqs.", "sqs-fips."), ARN),
        (AWS.replace("us-east-1", "eu-west-1"), ARN.replace("us-east-1", "eu-west-1")),
    ],
)
def test_each_form_of_aws_address_is_known(read, address, arn):
    (account,) = read(an_account(queue=address))
    assert (account.notifications.queue.arn, account.notifications.queue.endpoint) == (arn, None)
    (account,) = read(an_account(queue=address, queue_arn=arn))
    assert account.notifications.queue.arn == arn


def test_another_server_is_asked_where_its_queue_is_and_the_arn_tells_the_region(read):
    (account,) = read(an_account(queue=LOCAL, queue_arn=ARN))
    assert account.notifications.queue == QueueSettings(
        url=LOCAL, arn=ARN, region="us-east-1", endpoint="http://127.0.0.1:9324"
    )


def test_the_endpoint_may_be_another_than_the_queues_address(read):
    inner = "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com"
    (account,) = read(an_account(queue=AWS, endpoint=inner))
    assert account.notifications.queue.endpoint == inner


def test_events_may_come_to_a_queue_of_their_own(read):
    bridge = {"event_bridge_region": "us-east-1", "event_bridge_account": "123456789012"}
    (account,) = read(an_account(queue=AWS, events_queue=f"{AWS}-events", **bridge))
    assert account.notifications.events_queue.arn == f"{ARN}-events"
    assert account.notifications.event_bridge == ("us-east-1", "123456789012")
    (account,) = read(an_account(queue=LOCAL, queue_arn=ARN, events_queue=f"{LOCAL}-events", **bridge))
    assert account.notifications.events_queue.arn == f"{ARN}-events"
    assert account.notifications.events_queue.endpoint == "http://127.0.0.1:9324"


def test_the_same_queue_named_twice_is_one(read):
    (account,) = read(an_account(queue=AWS, events_queue=AWS))
    assert account.notifications.events_queue is None


@pytest.mark.parametrize(
    ("table", "key", "told"),
    [
        ({"queue": "https://example.com"}, "queue", "is not a queue's address; write one like https://sqs."),
        ({"queue": "http://sqs.us-east-1.amazonaws.com/123456789012/q"}, "queue", "unencrypted"),
        ({"queue": "https://sqs.us-east-1.amazonaws.com/1234/q"}, "queue", "is not a queue's address"),
        ({"queue": f"{AWS}.fifo"}, "queue", "standard queues only"),
        ({"queue": AWS, "events_queue": f"{AWS}.fifo"}, "events_queue", "standard queues only"),
        ({"queue": LOCAL}, "queue_arn", "missing; the address of queue does not tell"),
        ({"queue": AWS, "events_queue": LOCAL}, "queue_arn", "the address of events_queue does not tell"),
        (
            {"queue": AWS, "queue_arn": "fbm-sync"},
            "queue_arn",
            "write the queue's ARN in quotes, like \"arn:",
        ),
        ({"queue": AWS, "queue_arn": f"{ARN}-other"}, "queue_arn", "is not that of the queue"),
        ({"queue": AWS, "queue_arn": ARN.replace("east", "west")}, "queue_arn", "is not that of the queue"),
        ({"queue_arn": ARN}, "queue", "missing; write a web address in quotes"),
        ({"queue": AWS, "endpoint": "http://example.com"}, "endpoint", "unencrypted"),
        ({"queue": AWS, "event_bridge_region": "us-east-1"}, "event_bridge_account", "missing; it belongs"),
        ({"queue": AWS, "event_bridge_account": "1" * 12}, "event_bridge_region", "missing; it belongs"),
        ({"queue": AWS, "event_bridge_account": "mine"}, "event_bridge_account", "the twelve digits"),
        ({"queue": AWS, "event_bridge_region": "Ohio"}, "event_bridge_region", 'like "us-east-1"'),
        ({"queue": AWS, "que": "x"}, "que", "did you mean queue?"),
        ({"queue": AWS, "secret_access_key": "x"}, "secret_access_key", "secrets never belong in this file"),
        ({"queue": AWS, "cut_off": "14:00"}, "cut_off", "it belongs in [calendar]"),
        ({"queue": AWS, "zzz": "1"}, "zzz", "known here are queue, queue_arn, endpoint"),
    ],
)
def test_each_fault_of_the_table_is_told_with_its_place(problems, table, key, told):
    (problem,) = problems(an_account(**table))
    assert problem.startswith(f"accounts.main.notifications.{key}: ")
    assert told in problem


def test_what_is_no_table_is_told(problems):
    assert problems(an_account() + "notifications = 'yes'\n") == [
        'accounts.main.notifications: "yes" is not allowed; write a table with its own keys'
    ]


def test_a_key_of_the_table_in_the_wrong_place_is_sent_there(problems):
    (problem,) = problems(an_account() + "event_bridge_region = 'us-east-1'\n")
    assert "it belongs in [accounts.notifications]" in problem


def test_all_faults_are_told_at_once_those_of_other_tables_too(problems):
    faulty = an_account(queue_arn="x", nonsense=1) + "[daemon]\nhints_minutes = 0\n"
    assert [problem.partition(":")[0] for problem in problems(faulty)] == [
        "accounts.main.notifications.queue",
        "accounts.main.notifications.queue_arn",
        "accounts.main.notifications.nonsense",
        "daemon.hints_minutes",
    ]
    both = an_account(queue=f"{AWS}.fifo", event_bridge_account="1" * 12, events_queue="https://x.example")
    assert len(problems(both)) == 3


def test_two_accounts_never_share_a_queue(problems, read):
    second = an_account("second", "A2SECOND", queue=AWS)
    (problem,) = problems(an_account(queue=AWS) + second)
    assert problem.startswith("accounts.second.notifications: account main uses the queue arn:aws:sqs:")
    assert problem.endswith("or one takes the other's messages")
    assert len(read(an_account(queue=f"{AWS}-2", events_queue=f"{AWS}-3") + second)) == 2
