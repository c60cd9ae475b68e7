"""`fbm-sync notifications`: what is there, what was made, and what is left for the person at AWS."""

import json

import httpx
import pytest
from shop_data import MARKETPLACE_ID, SELLER_ID, config_text

from fbm_sync.adapters.queue.policy import AMAZON, EVENT_BRIDGE, admits
from fbm_sync.emulator import load_scenario, running

from queues import AWS_ENVIRONMENT, new_queue, running_sqs

SUBSCRIPTIONS = 6
BRIDGE = {"event_bridge_region": "us-east-1", "event_bridge_account": "123456789012"}


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


@pytest.fixture
def amazon(sqs):
    scenario = {"seller_id": SELLER_ID, "marketplace_id": MARKETPLACE_ID, "rate_factor": 1000, "listings": []}
    with (
        running(load_scenario(scenario, sqs_endpoint=sqs)) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        yield client


@pytest.fixture
def configured(command, tmp_path, monkeypatch, amazon):
    """Writes the configuration with this table of notifications."""
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)

    def write(**table):
        lines = "\n".join(f"{key} = {value!r}" for key, value in table.items())
        table = f"[accounts.notifications]\n{lines}\n\n" if lines else ""
        text = config_text(str(amazon.base_url).rstrip("/"), 1000.0).replace("[supply]", f"{table}[supply]")
        (tmp_path / "fbm_sync.toml").write_text(text)

    return write


@pytest.fixture
def queue(sqs, configured):
    """A queue that is configured for everything, and that nobody may send into yet."""
    made = new_queue(sqs, "cli")
    configured(queue=made.url, queue_arn=made.arn, **BRIDGE)
    return made


def set_policy(queue, policy):
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})


def pasted(out):
    """The policy as a person copies it from the screen."""
    return out[out.index("\n{\n") : out.index("\n}\n") + 3]


def test_setting_up_step_by_step_ends_with_everything_in_order(command, queue):
    code, out, _ = command("notifications", "status")
    assert code == 1
    assert "account main" in out
    assert f"present    queue {queue.name}: 0 waiting" in out
    assert "missing    ORDER_CHANGE: Its destination comes first" in out

    code, out, _ = command("notifications", "setup")
    assert code == 1, "the queue's policy is still missing"
    assert "put this on the queue as its access policy" in out
    assert "made       ORDER_CHANGE: version 1.0" in out
    assert "1 not in order." in out
    policy = pasted(out)
    assert admits(policy, AMAZON, queue.arn)
    assert admits(policy, EVENT_BRIDGE, queue.arn)

    set_policy(queue, policy)
    code, out, _ = command("notifications", "setup")
    assert code == 0
    assert "made" not in out
    assert "policy" not in out
    assert "not in order" not in out
    code, again, _ = command("notifications", "status")
    assert (code, again) == (0, out)


def test_what_nobody_can_see_from_here_is_said_and_does_not_count_as_a_fault(command, queue):
    command("notifications", "setup")
    _, out, _ = command("notifications", "status")
    assert "event source aws.partner/sellingpartnerapi.amazon.com/123456789012/" in out
    (line,) = [line for line in out.splitlines() if line.startswith("  by hand")]
    assert "associate the source named above with an event bus" in line
    assert queue.url in line


def test_scripts_get_one_document(document, queue):
    (found,) = document("notifications", "setup", code=1)
    assert found["account"] == "main"
    lines = {line["what"]: line for line in found["lines"]}
    assert all(line.keys() == {"what", "state", "detail", "next", "policy"} for line in found["lines"])
    assert sum(line["state"] == "made" for line in found["lines"]) == SUBSCRIPTIONS + 2
    policy = lines[f"policy of queue {queue.name}"]
    assert policy["state"] == "missing"
    assert admits(policy["policy"], AMAZON, queue.arn)
    set_policy(queue, policy["policy"])
    (found,) = document("notifications", "status", code=0)
    assert {line["state"] for line in found["lines"]} == {"present", "by hand"}


def test_subscriptions_that_go_elsewhere_are_moved_only_when_asked(command, queue, configured, sqs):
    former = new_queue(sqs, "former")
    configured(queue=former.url, queue_arn=former.arn)
    command("notifications", "setup")
    configured(queue=queue.url, queue_arn=queue.arn)
    code, out, _ = command("notifications", "setup")
    assert code == 1
    assert out.count("elsewhere") == 4
    assert "setup --replace" in out
    command("notifications", "setup", "--replace")
    _, out, _ = command("notifications", "status")
    assert "elsewhere" not in out
    assert "EventBridge" not in out


def test_each_queue_is_looked_at_where_events_have_one_of_their_own(command, queue, configured, sqs):
    events = new_queue(sqs, "events")
    configured(queue=queue.url, queue_arn=queue.arn, events_queue=events.url, **BRIDGE)
    _, out, _ = command("notifications", "status", "--account", "main")
    assert f"queue {queue.name}: 0 waiting" in out
    assert f"queue {events.name}: 0 waiting" in out
    assert out.count("put this on the queue") == 2
    assert EVENT_BRIDGE not in pasted(out), "the first queue is for Amazon alone"


def test_a_queue_that_is_not_there_is_said_with_what_helps(command, configured, sqs, amazon):
    configured(queue=f"{sqs}/123456789012/nowhere", queue_arn="arn:aws:sqs:us-east-1:123456789012:nowhere")
    code, out, _ = command("notifications", "setup")
    assert code == 1
    assert "failed     queue nowhere: " in out
    assert "Make the queue" in out
    assert "failed     destination queue: createDestination answered 400" in out


def test_a_queue_that_turns_out_to_be_a_fifo_is_refused_before_amazon_is_asked(
    command, queue, monkeypatch, amazon
):
    # By its name such a queue is refused before; a server that is not AWS's may name it as it likes.
    ask = "fbm_sync.adapters.queue.sqs.SqsHints._ask"
    monkeypatch.setattr(ask, lambda *_, **__: {"Attributes": {"QueueArn": queue.arn, "FifoQueue": "true"}})
    code, out, _ = command("notifications", "setup")
    assert code == 1
    assert "refused    queue" in out
    assert "standard queues only" in out
    assert amazon.get("/_emulator/requests").json()["last"] == 0


def test_a_queue_with_a_key_of_its_own_is_said_to_need_the_keys_consent(command, configured, sqs):
    locked = new_queue(sqs, "locked", KmsMasterKeyId="alias/aws/sqs")
    configured(queue=locked.url, queue_arn=locked.arn)
    _, out, _ = command("notifications", "status")
    assert "by hand    encryption of queue" in out
    assert "kms:GenerateDataKey" in out


@pytest.mark.parametrize("words", [(), ("--account", "main")])
def test_without_a_queue_it_is_said_where_to_name_one(command, configured, amazon, words):
    configured()
    code, out, err = command("notifications", "status", *words)
    assert (code, out) == (2, "")
    assert "notifications: no queue is configured" in err
    assert "[accounts.notifications]" in err
    code, out, _ = command("notifications", "status", *words, "--json")
    assert code == 2
    assert json.loads(out)["problems"]


def test_an_account_there_is_none_of_is_named(command, queue):
    code, _, err = command("notifications", "status", "--account", "nobody")
    assert code == 2
    assert "known: main" in err


def test_without_the_aws_library_it_is_said_how_to_install_it(command, queue, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    code, _, err = command("notifications", "status")
    assert code == 2
    assert "pip install 'fbm-sync[notifications]'" in err


def test_without_aws_credentials_amazons_side_is_still_looked_at(command, queue, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    code, out, _ = command("notifications", "status")
    assert code == 1
    assert "NoCredentialsError" in out
    assert "missing    ORDER_CHANGE" in out
