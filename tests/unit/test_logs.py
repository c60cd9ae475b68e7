"""What a log line looks like, and what never stands in one."""

import io
import json
import logging
import warnings

import pytest
import structlog

from fbm_sync import logs


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    names = (*logs._QUIET_LIBRARIES, logs._ALERTS)
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, former in levels.items():
        logging.getLogger(name).setLevel(former)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines():
    """Switch logging on and return the lines written so far."""
    stream = io.StringIO()
    logs.configure(stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_its_event_its_numbers_and_the_context_of_the_run(lines):
    with logs.bound(run_id="r1", flow="pull", account="main"):
        structlog.get_logger().info(logs.ORDERS_PULLED, pulled=3, tokens_left=17.5)
    structlog.get_logger().info(logs.DAEMON_STOPPED)

    pulled, stopped = lines()
    assert pulled.pop("at").endswith("Z")
    assert pulled == {
        "event": "orders_pulled",
        "level": "info",
        "pulled": 3,
        "tokens_left": 17.5,
        "run_id": "r1",
        "flow": "pull",
        "account": "main",
    }
    assert "run_id" not in stopped


def test_the_libraries_speak_through_the_same_door(lines):
    with logs.bound(run_id="r1"):
        logging.getLogger("some.library").warning("slow answer from %s", "host")

    (line,) = lines()
    assert (line["event"], line["level"], line["run_id"]) == ("slow answer from host", "warning", "r1")
    assert line["logger"] == "some.library"


def test_warnings_of_python_become_log_lines(lines):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("something is old", stacklevel=1)

    assert "something is old" in lines()[0]["event"]


@pytest.mark.parametrize(
    "library", ["sp_api", "httpx", "httpcore", "apscheduler", "apprise", "uvicorn.access"]
)
def test_libraries_that_print_tokens_stay_quiet_even_when_verbose(library):
    stream = io.StringIO()
    logs.configure(verbose=True, stream=stream)
    structlog.get_logger().debug("shown")
    logging.getLogger(library).info("header x-amz-access-token")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["shown"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ["info", "warning"]),
        ({"verbose": True}, ["debug", "info", "warning"]),
        ({"quiet": True}, ["warning"]),
    ],
)
def test_how_much_is_said_can_be_chosen(options, shown):
    stream = io.StringIO()
    logs.configure(stream=stream, **options)
    log = structlog.get_logger()
    log.debug("debug")
    log.info("info")
    log.warning("warning")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == shown


def test_a_quiet_command_logs_no_alert_and_the_next_loud_one_does():
    alerts, quiet, loud = logging.getLogger(logs._ALERTS), io.StringIO(), io.StringIO()
    logs.configure(quiet=True, stream=quiet)
    alerts.error("order at risk")
    logs.configure(stream=loud)
    alerts.error("order at risk")
    assert (quiet.getvalue(), loud.getvalue().count("order at risk")) == ("", 1)


def test_switching_on_twice_does_not_say_everything_twice(lines):
    stream = io.StringIO()
    logs.configure(stream=stream)
    structlog.get_logger().info("once")

    assert len(stream.getvalue().splitlines()) == 1
    assert lines() == []


def test_a_person_at_a_terminal_gets_readable_lines():
    stream = Terminal()
    logs.configure(stream=stream)
    try:
        raise ValueError("Atza|hunter2")
    except ValueError:
        structlog.get_logger().exception(logs.TICK_FAILED, refresh_token="hunter2")

    text = stream.getvalue()
    assert "tick_failed" in text
    assert "ValueError" in text
    assert "hunter2" not in text
    assert not text.startswith("{")


SECRETS = [
    "Atc|MQEBIPhS-grantless_token9",
    "Atza|IwEBIJedGXjDqsU_vMxykqOMg-SHfYe3CPcedueWEMWSDMaDnEmW8KlpsQ3oLV4Ixq7BPb",
    "Atzr|IwEBIMHm5JwVZhYVX/8QkP+4Q==",
    "amzn1.oa2-cs.v1.0123456789abcdef",
    "buyer.name+tag@marketplace.amazon.co.uk",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("wrap", ["{}", "error near {} here", '{{"a": "{}"}}', "x={}, y=2"])
def test_a_secret_is_hidden_by_its_looks(secret, wrap):
    shown = logs.redact(wrap.format(secret))

    assert secret not in shown
    assert logs.HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "x-amz-access-token: hunter2",
        "{'x-amz-access-token': 'hunter2', 'accept': 'json'}",
        '"client_secret": "hunter2"',
        "client_secret=hunter2&grant_type=x",
        "Authorization: Bearer hunter2",
        "password = hunter2",
        "postgresql+psycopg://me:hunter2@db/shop",
        "mailtos://me:hunter2@example.com",
    ],
)
def test_a_secret_is_hidden_by_the_name_before_it(text):
    assert "hunter2" not in logs.redact(text)


def test_what_is_no_secret_stays_readable():
    text = "PATCH /listings/2021-08-01/items/A1EXAMPLE/LAMP-1 answered 429 at 12:00, 3 tokens left, see https://a.b/c"

    assert logs.redact(text) == text


def test_a_secret_is_hidden_at_any_depth(lines):
    structlog.get_logger().warning(
        "request_failed",
        client_secret="hunter2",
        buyer_email=None,
        buyer_name="hunter2",
        headers={"x-amz-access-token": "hunter2", "accept": "json"},
        trail=[("Atza|hunter2",), {"deep": {"refresh_token": b"hunter2"}}],
        error=ValueError("client_secret=hunter2"),
        nested=[[[[[[[["Atza|hunter2"]]]]]]]],
        restricted_data_tokens=2,
    )

    (line,) = lines()
    assert "hunter2" not in json.dumps(line)
    assert line["headers"]["accept"] == "json"
    assert line["buyer_email"] is None
    assert line["restricted_data_tokens"] == 2


def test_a_traceback_of_a_library_is_redacted(lines):
    try:
        raise RuntimeError("token Atzr|hunter2")
    except RuntimeError:
        logging.getLogger("lib").exception("it broke")

    assert "hunter2" not in json.dumps(lines())
    assert "RuntimeError" in lines()[0]["exception"]


def test_event_names_say_what_happened():
    names = [
        value
        for key, value in vars(logs).items()
        if key.isupper() and isinstance(value, str) and key != "HIDDEN"
    ]

    assert len(names) > 10
    assert all(name == name.lower() and "_" in name for name in names)
    assert len(set(names)) == len(names)
