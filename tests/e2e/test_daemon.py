"""`fbm-sync run` as a service sees it: ready, watched, reloaded, stopped in time."""

import signal
import socket

import httpx
import pytest

from queues import new_queue, running_sqs


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def daemon_at(opened, small_shop):
    """Opens a seller whose daemon answers on a port of its own; returns both."""

    def open_one(**changes):
        seller = opened(small_shop(**changes))
        port = free_port()
        with seller.config.open("a") as config:
            config.write(f'\n[daemon]\nlisten = "127.0.0.1:{port}"\n')
        return seller, port

    return open_one


def answer(port, path):
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False)
    except httpx.TransportError:
        return None


def is_up(port):
    return lambda: (found := answer(port, "/readyz")) is not None and found.status_code == 200


def test_a_daemon_answers_its_probes_keeps_its_config_and_stops_when_asked(daemon_at):
    seller, port = daemon_at()
    seller.change_config("push = false", "push = true")
    with seller.started("run") as process:
        seller.wait_until(is_up(port), process)
        assert answer(port, "/healthz").text == "alive\n"
        assert answer(port, "/nothing").status_code == 404
        seller.wait_until(lambda: seller.live("MUG") == 8, process)
        metrics = answer(port, "/metrics").text
        assert 'fbm_sync_ticks_total{job="pull",outcome="ok"} 1.0' in metrics
        assert 'fbm_sync_last_pull_timestamp_seconds{account="main"}' in metrics

        # A second one finds the address taken, and says so.
        second = seller.run("run", code=2)
        assert f"127.0.0.1:{port} cannot be used" in second.err
        assert "Is another daemon running?" in second.err
        assert is_up(port)(), "the first one is not disturbed"

        # A broken config is refused with its reasons; so is one that only shows its fault in use.
        for before, after, why in (
            ("push = true", "push = perhaps", "line"),
            ('holidays = ""', 'holidays = "XX"', "calendar.holidays"),
        ):
            good, refused = seller.config.read_text(), seller.log.count("config_refused")
            seller.change_config(before, after)
            process.send_signal(signal.SIGHUP)
            seller.wait_until(lambda told=refused: seller.log.count("config_refused") > told, process)
            line = [line for line in seller.log.splitlines() if "config_refused" in line][-1]
            assert why in line
            seller.config.write_text(good)
            seller.wait_until(is_up(port), process)

        # A good one is taken up.
        seller.change_config("push = true", "push = false")
        process.send_signal(signal.SIGHUP)
        seller.wait_until(lambda: "config_reloaded" in seller.log, process)
        code, seconds = seller.stop(process)
    assert code == 0
    assert seconds < 10
    assert "daemon_stopped" in seller.log
    assert "Traceback" not in seller.log


def test_a_daemon_that_waits_for_amazons_quota_stops_in_time(daemon_at, an_order):
    # At Amazon's real rate the pages after the twentieth come three minutes apart.
    orders = [an_order(number, hours=number / 100 + 1) for number in range(60)]
    seller, port = daemon_at(orders=orders, rate_factor=1)
    seller.amazon("faults", {"operation": "searchOrders", "status": 429, "forever": True})
    with seller.started("run", "--verbose") as process:
        seller.wait_until(lambda: seller.requests("searchOrders") and answer(port, "/healthz"), process)
        assert answer(port, "/readyz").status_code == 503
        assert "account main" in answer(port, "/readyz").text
        code, seconds = seller.stop(process)
    assert code == 0
    assert seconds < 10


def test_a_daemon_whose_request_hangs_stops_in_time(daemon_at):
    seller, port = daemon_at()
    seller.amazon("faults", {"operation": "searchOrders", "delay_seconds": 60, "forever": True})
    with seller.started("run") as process:
        seller.wait_until(lambda: answer(port, "/healthz"), process)
        seller.wait_until(lambda: seller.requests("token"), process)
        code, seconds = seller.stop(process)
    assert code == 0
    assert seconds < 10.5


def test_a_daemon_without_its_secrets_does_not_start(daemon_at):
    seller, _ = daemon_at()
    del seller.credentials["FBM_SYNC_MAIN_REFRESH_TOKEN"]
    done = seller.run("run", code=2)
    assert "FBM_SYNC_MAIN_REFRESH_TOKEN: missing" in done.err
    assert not seller.database.exists()


def test_an_order_amazon_tells_of_is_stored_long_before_the_next_look(daemon_at, small_shop):
    with running_sqs() as sqs:
        queue = new_queue(sqs, "daemon")
        seller, port = daemon_at(sqs_endpoint=sqs)
        table = f'[accounts.notifications]\nqueue = "{queue.url}"\nqueue_arn = "{queue.arn}"\n\n[supply]'
        seller.change_config("[supply]", table)
        with seller.config.open("a") as config:
            config.write("pull_minutes = 1440\nhints_minutes = 0.01\n")
        (account,) = seller.json("notifications", "setup", code=1)
        (policy,) = [line["policy"] for line in account["lines"] if line["policy"]]
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
        with seller.started("run") as process:
            seller.wait_until(is_up(port), process)
            (placed,) = seller.amazon("orders", {"place": [{"items": [{"sku": "CUP", "quantity": 1}]}]})[
                "place"
            ]
            seller.wait_until(lambda: placed["order_id"] in str(seller.rows()["orders"]), process)
            assert seller.stop(process)[0] == 0
        assert len(seller.requests("getOrder")) == 1
        assert queue.waiting() == 0
