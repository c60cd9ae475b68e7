"""A sign of life to a monitor: never waited for, never a trouble, and its address is never told."""

import contextlib
import io
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog

from fbm_sync import logs
from fbm_sync.adapters.notify.ping import Ping

SECRET = "0b5e7c1d-secret"


class Monitor:
    """A monitor on loopback: it answers as it is told, and counts what it hears."""

    def __init__(self):
        self.status, self.heard = 200, []
        self.go_on = threading.Event()
        self.go_on.set()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                monitor.heard.append(self.path)
                monitor.go_on.wait(20)
                with contextlib.suppress(OSError):
                    self.send_response(monitor.status)
                    self.send_header("Location", "https://elsewhere.invalid/")
                    self.end_headers()
                    self.wfile.write(b"OK")

            def log_message(self, *_words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def monitor():
    """The monitor, answering."""
    one = Monitor()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.go_on.set()
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def beat(ping):
    """Give one sign and wait until it has come to its end."""
    ping.beat()
    with ping._busy:
        pass


def test_each_sign_of_life_asks_once_for_the_address(monitor):
    ping = Ping(monitor.url)
    with structlog.testing.capture_logs() as told:
        beat(ping)
        beat(ping)
    assert monitor.heard == [f"/{SECRET}", f"/{SECRET}"]
    assert told == []


def test_a_monitor_that_hangs_is_not_waited_for_and_is_given_up_after_the_deadline(monitor):
    monitor.go_on.clear()
    ping = Ping(monitor.url, deadline_seconds=0.1)
    with structlog.testing.capture_logs() as told:
        ping.beat()
        ping.beat()  # the first is still on its way: the work goes on, and asks no second time
        with ping._busy:
            pass
    assert len(monitor.heard) <= 1
    assert [(line["event"], line["why"]) for line in told] == [
        ("ping_failed", "it gave no answer within 0.1 s")
    ]


@pytest.mark.parametrize("status", [404, 500, 302])
def test_a_monitor_that_fails_is_told_of_once_until_it_changes(monitor, status):
    ping = Ping(monitor.url)
    with structlog.testing.capture_logs() as told:
        monitor.status = status
        beat(ping)
        beat(ping)
        monitor.status = 503
        beat(ping)
        monitor.status = 204
        beat(ping)
        beat(ping)
    assert [(line["event"], line.get("why")) for line in told] == [
        ("ping_failed", f"it answered {status}"),
        ("ping_failed", "it answered 503"),
        ("ping_answered_again", None),
    ]
    assert len(monitor.heard) == 5, "a redirection is not followed: it could lead anywhere"


def test_a_monitor_that_is_away_is_no_trouble_and_its_address_is_never_logged(monitor):
    url = monitor.url
    former, level, stream = structlog.get_config(), logging.getLogger().level, io.StringIO()
    logs.configure(verbose=True, stream=stream)
    try:
        beat(Ping(url))
        monitor.status = 500
        beat(Ping(url))
        monitor.server.socket.close()
        beat(Ping(url, deadline_seconds=2.0))
        beat(Ping(f"http://{SECRET}\x00.invalid/", deadline_seconds=2.0))
        beat(Ping(f"https://xn--{SECRET}-\udcff.invalid/", deadline_seconds=2.0))
    finally:
        structlog.configure(**former)
        root = logging.getLogger()
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        for handler in [one for one in root.handlers if type(one).__module__ == "fbm_sync.logs"]:
            root.removeHandler(handler)
    assert "it answered 500" in stream.getvalue()
    assert "it cannot be reached" in stream.getvalue()
    assert SECRET not in stream.getvalue()
