"""The schedule: each flow in its own rhythm, signals, the service manager's watchdog.

Here: when work is done, and that one bad tick is not the end. Not here: what the work is (`flows`), in
which order one turn goes (`cycle`). SIGTERM and SIGINT end the current item and stop; SIGHUP takes up
the configuration anew, or keeps the old one and says why.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import CollectorRegistry, Counter, Gauge

from fbm_sync import cycle, logs
from fbm_sync.domain.finding import CLIENT_SECRET_LIFE
from fbm_sync.errors import ConfigError, FbmSyncError, StoreError
from fbm_sync.pulse import take_pulse
from fbm_sync.report import RunReport
from fbm_sync.settings import Settings
from fbm_sync.summons import Summons, heeding_signals, notify_supervisor
from fbm_sync.verification import verify_daily
from fbm_sync.web.probes import serving
from fbm_sync.wiring import App, SystemClock, build

_log = structlog.get_logger()

_STOP_SECONDS = 8
"""How long running ticks may take to end their item; the whole end must take no longer than 10 seconds."""

_LOOK_SECONDS = 0.5

_NOTIFY_MINUTES = 0.25
"""So often the outbox is looked into: alerts that cannot wait do not."""

_PRUNE_MINUTES = 24 * 60.0
FOLLOW_MINUTES = 1.0
"""So often what lies at Amazon is looked after, however rarely changes are made otherwise."""

TURN_SECONDS = 300.0
"""After so long a push looks what has become more urgent than what it is at."""

_VERIFY_MINUTES = 5.0
"""So often it is looked whether the daily verification is due."""

_PERFORMANCE_MINUTES = 60.0
"""Amazon's report is read once a day; it is asked for again every hour as long as there is none."""


class Stopping(FbmSyncError):
    """The daemon was told to stop while something waited."""


class InterruptibleClock(SystemClock):
    """Real time, but a wait ends at once when the daemon is told to stop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Wait. Raises `Stopping` when told to stop meanwhile; what was recorded so far is kept."""
        if self.stopping.wait(seconds):
            raise Stopping("Stopped while waiting; the next start goes on from here.")


class Daemon:
    """One life of the daemon with one configuration."""

    def __init__(self, settings: Settings, summons: Summons) -> None:
        self.summons = summons
        self.clock = InterruptibleClock()
        self.app: App = build(settings, clock=self.clock)
        self.registry = CollectorRegistry()
        self.failed: StoreError | None = None
        self.hanging = False
        self._pushes_again_at = self.clock.now()
        self._ticks = Counter(
            "fbm_sync_ticks", "Ticks by job and outcome.", ["job", "outcome"], registry=self.registry
        )
        self._pulled_at = Gauge(
            "fbm_sync_last_pull_timestamp_seconds",
            "When orders were last read completely.",
            ["account"],
            registry=self.registry,
        )

        self._secret_ends_at = Gauge(
            "fbm_sync_client_secret_expiry_timestamp_seconds",
            "When the account's client secret expires, where the configuration says when it was made.",
            ["account"],
            registry=self.registry,
        )
        self._hints = Counter(
            "fbm_sync_hints", "Notifications of Amazon that were received.", registry=self.registry
        )
        self._told = Counter(
            "fbm_sync_notifications",
            "Notifications for people that arrived, and letters that failed.",
            ["outcome"],
            registry=self.registry,
        )
        self._hinted_at = Gauge(
            "fbm_sync_last_hint_timestamp_seconds",
            "When Amazon announced the newest notification that was received.",
            ["account"],
            registry=self.registry,
        )

    def live(self, ready: Callable[[], None]) -> None:
        """Work until told to leave or to reload, or until the store is lost.

        Raises `ConfigError` before any work when something is missing, `StoreError` when the database
        failed: the supervisor restarts the process.
        """
        address = self.app.settings.daemon
        with self.app:
            for account in self.app.settings.accounts:
                self.app.account(account.name)
                self.app.hint_sources(account.name)
            # What only shows when it is used (an unknown country's holidays, a store in the way) shows now.
            _ = self.app.ledger, self.app.alert_terms, self.app.notifiers
            accounts = list(self.app.shop_terms.accounts)
            for name, created_on in self.app.alert_terms.secrets_created.items():
                ends_at = datetime.combine(created_on + CLIENT_SECRET_LIFE, time.min, UTC)
                self._secret_ends_at.labels(account=name).set(ends_at.timestamp())
            with serving(address.host, address.port, self.not_ready, self.registry):
                self._work(ready, accounts)
        _log.info(logs.DAEMON_STOPPED)
        if self.failed is not None:
            raise self.failed

    def _work(self, ready: Callable[[], None], accounts: Sequence[str]) -> None:
        """Let the jobs run in their rhythm until it is time to leave."""
        scheduler = self._scheduler()
        scheduler.start()
        ready()
        _log.info(logs.DAEMON_STARTED, accounts=accounts)
        while not (self.summons.leave or self.summons.reload or self.failed):
            # Short, because a signal that comes just before the wait begins does not cut it short.
            self.summons.await_bell(_LOOK_SECONDS)
            notify_supervisor("WATCHDOG=1")
        self.clock.stopping.set()
        self.app.delivery.close(wait_seconds=0.0)
        self._shut_down(scheduler)

    def _shut_down(self, scheduler: BackgroundScheduler) -> None:
        """Let the running ticks finish their item, but not longer than a supervisor waits."""
        ending = threading.Thread(target=scheduler.shutdown, kwargs={"wait": True}, daemon=True)
        ending.start()
        ending.join(timeout=_STOP_SECONDS)
        self.hanging = ending.is_alive()

    def _scheduler(self) -> BackgroundScheduler:
        """Give each job its rhythm; all begin at once, in the order in which they need each other."""
        rhythm = self.app.settings.daemon
        jobs = [
            ("pull", self._pull, rhythm.pull_minutes),
            ("offers", self._offers, rhythm.offers_minutes),
            ("plan", self._plan, rhythm.plan_minutes),
            ("push", self._push, self._follow_minutes),
            ("alert", self._alert, rhythm.alert_minutes),
            ("performance", self._performance, _PERFORMANCE_MINUTES),
            ("notify", self._notify, _NOTIFY_MINUTES),
        ]
        if self.app.settings.keep_days:
            jobs.append(("prune", self._prune, _PRUNE_MINUTES))
        if rhythm.verify_at is not None:
            jobs.append(("verify", self._verify, _VERIFY_MINUTES))
        if self._hinted:
            jobs.insert(1, ("hints", self._look_at_hints, rhythm.hints_minutes))
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for position, (name, work, minutes) in enumerate(jobs):
            scheduler.add_job(
                self._tick,
                "interval",
                args=(name, work),
                id=name,
                minutes=minutes,
                next_run_time=self.clock.now() + timedelta(seconds=position),
            )
        return scheduler

    def _tick(self, name: str, work: Callable[[], RunReport]) -> None:
        """Run one job; whatever goes wrong is logged and counted, and the next tick comes all the same."""
        outcome = "failed"
        try:
            report = work()
            outcome = "failed" if report.failed else "ok"
        except Stopping:
            outcome = "stopped"
        except StoreError as error:
            self.failed = error
            self.summons.bell.put(None)
        except FbmSyncError as error:
            _log.error(logs.TICK_FAILED, job=name, error=str(error))
        except Exception:  # noqa: BLE001 - a fault of ours must not end the watch over the shop
            _log.exception(logs.TICK_FAILED, job=name)
        self._ticks.labels(job=name, outcome=outcome).inc()

    # --- the jobs --------------------------------------------------------------------------------

    def _pull(self) -> RunReport:
        """Read the orders and the seller's records; a monitor hears of it when all of them were read.

        Orders come first: a fault in the records must not keep us from seeing what was sold.
        """
        turn, begun_at = cycle.Turn(self.app, cycle.Wish()), self.clock.now()
        report = turn.only(turn.orders, turn.supply)
        now = self.clock.now()
        if all(one.alive for one in take_pulse(self.app.ledger, turn.accounts, now, now - begun_at)):
            self.app.sign_of_life()
        return report

    def _offers(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(turn.offers)

    def _performance(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(turn.awaited_performance)

    def _plan(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(turn.plan)

    @property
    def _follow_minutes(self) -> float:
        return min(FOLLOW_MINUTES, self.app.settings.daemon.push_minutes)

    def _push(self) -> RunReport:
        """Write for the accounts that allow it; the others only see what they would get.

        A turn that leaves something to do is followed by the next at once. While something of ours lies at
        Amazon, it is looked after every minute.
        """
        writing = [account.name for account in self.app.settings.accounts if account.push]
        begun_at = self.clock.now()
        if not writing or begun_at < self._pushes_again_at:
            return RunReport()
        wish = cycle.Wish(accounts=writing, apply=True, confirm_wait_seconds=0.0, turn_seconds=TURN_SECONDS)
        while True:
            turn = cycle.Turn(self.app, wish)
            report = turn.only(turn.push)
            if not report.push["left"] or report.failed or self.clock.stopping.is_set():
                break
        minutes = self._follow_minutes if report.push["under_way"] else self.app.settings.daemon.push_minutes
        # Ticks come a little early or late: the nearest one counts.
        self._pushes_again_at = begun_at + timedelta(minutes=minutes - self._follow_minutes / 2)
        return report

    def _alert(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(turn.alert)

    def _notify(self) -> RunReport:
        """Send what waits; nothing is waited for, so that a slow channel keeps no other from its news."""
        report = RunReport()
        told = self.app.delivery.run(wait_seconds=_LOOK_SECONDS)
        report.note_told(told)
        self._told.labels(outcome="sent").inc(told.sent)
        self._told.labels(outcome="failed").inc(told.failed)
        if told.sent or told.failed:
            _log.info(logs.ALERTS_TOLD, sent=told.sent, failed=told.failed, busy=list(told.busy))
        return report

    def _prune(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish())
        return turn.only(turn.prune)

    def _verify(self) -> RunReport:
        """Once a day, hold what is recorded against Amazon, and read in what is missing."""
        return verify_daily(self.app)

    @property
    def _hinted(self) -> list[str]:
        """The accounts that have a queue for notifications."""
        return [account.name for account in self.app.settings.accounts if account.notifications]

    def _look_at_hints(self) -> RunReport:
        turn = cycle.Turn(self.app, cycle.Wish(accounts=self._hinted))
        report = turn.only(turn.hints)
        self._hints.inc(report.hints["received"])
        for account, at in report.hinted_at.items():
            self._hinted_at.labels(account=account).set(at.timestamp())
        return report

    # --- probes ----------------------------------------------------------------------------------

    def not_ready(self) -> list[str]:
        """Return why the daemon cannot be relied on now: accounts whose orders were not read lately."""
        signs = take_pulse(self.app.ledger, self.app.shop_terms.accounts, self.clock.now(), self.app.patience)
        for one in signs:
            if one.read_at is not None:
                self._pulled_at.labels(account=one.account).set(one.read_at.timestamp())
        return [one.complaint for one in signs if not one.alive]


def run(load: Callable[[], Settings]) -> None:
    """Run the daemon until it is told to stop; `load` reads the configuration, again on SIGHUP."""
    summons, hanging = Summons(), False
    with heeding_signals(summons):
        settings, former = load(), None
        while not summons.leave:
            summons.reload = False
            daemon = Daemon(settings, summons)
            try:
                daemon.live(lambda: notify_supervisor("READY=1"))
            except ConfigError as error:
                # Some faults show only when the new configuration is used: secrets, the address, holidays.
                if former is None:
                    raise
                _log.error(logs.CONFIG_REFUSED, problems=error.problems)
                settings, former = former, None
                continue
            hanging = hanging or daemon.hanging
            if not summons.leave:
                notify_supervisor("RELOADING=1")
                settings, former = _reloaded(load, settings), settings
    notify_supervisor("STOPPING=1")
    if hanging:
        _leave_at_once()


def _leave_at_once() -> None:
    """End the process though a request hangs; whatever was recorded is kept, and the next start goes on.

    The interpreter would otherwise wait for the thread that waits for Amazon.
    """
    logging.shutdown()
    os._exit(0)


def _reloaded(load: Callable[[], Settings], former: Settings) -> Settings:
    try:
        settings = load()
    except ConfigError as error:
        _log.error(logs.CONFIG_REFUSED, problems=error.problems)
        return former
    _log.info(logs.CONFIG_RELOADED, path=str(settings.path))
    return settings
