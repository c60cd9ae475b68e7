"""One turn of the whole work: pull, plan, push, alert, notify, in this order, with one report at the end.

Here: the order of the flows, and what happens when one of them fails. Not here: what a flow does, what a
report says (`report`), when turns happen (`daemon`).
"""

import dataclasses
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from fbm_sync import logs
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.errors import RemoteError
from fbm_sync.flows import alert as alert_flow
from fbm_sync.flows import plan as plan_flow
from fbm_sync.flows import prune as prune_flow
from fbm_sync.flows import pull as pull_flow
from fbm_sync.flows import push as push_flow
from fbm_sync.ports import Failure, JobKind, OrderWindow, Progress, Wait, unwatched
from fbm_sync.report import RunReport
from fbm_sync.side_by_side import for_each
from fbm_sync.wiring import App

_log = structlog.get_logger()

CONFIRM_WAIT_SECONDS = 120.0
"""How long a run by hand waits until Amazon shows what it accepted."""

REPORT_WAIT_SECONDS = 600.0
"""How long the daemon waits for a report that it has ordered before it goes on waiting with the next tick."""

NOTIFY_WAIT_SECONDS = 30.0
"""How long a run waits for its messages to arrive; what is still on its way then is left to the next."""

PARTS = ("supply", "orders", "offers")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one run should do; the default is everything, for every account, without writing to Amazon.

    `since` and `until` replace the watermark's window; `order_ids` reads just these orders; `only`
    reads one part ("orders", "offers" or "supply") and changes nothing else. `report_wait_seconds` is how
    long each account waits for the report that tells of a long past, `turn_seconds` how long it pushes before
    it looks what has become more urgent.
    """

    accounts: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    order_ids: Sequence[OrderId] = ()
    only: str | None = None
    apply: bool = False
    skus: Sequence[Sku] = ()
    confirm_wait_seconds: float = CONFIRM_WAIT_SECONDS
    notify_wait_seconds: float = NOTIFY_WAIT_SECONDS
    report_wait_seconds: float = 0.0
    turn_seconds: float | None = None


def new_run_id(at: datetime) -> str:
    """Name a run by its time, with a few letters against two in one second."""
    return f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def run(app: App, wish: Wish, progress: Progress = unwatched) -> RunReport:
    """Do one whole turn and report it.

    The seller's records are read first: when they are faulty (`ConfigError`) nothing has been changed.
    What fails for one account or flow is reported and does not keep the others from their work.
    """
    turn = Turn(app, wish, progress)
    steps = [
        step
        for part, step in (("supply", turn.supply), ("orders", turn.orders), ("offers", turn.offers))
        if turn.wants(part)
    ]
    if wish.only is None:
        steps.extend([turn.performance] if turn.wants("performance") else [])
        steps.extend([turn.plan, turn.push, turn.alert, turn.notify])
    return turn.only(*steps)


class Turn:
    """One turn over all wanted accounts: its steps, and the report they fill."""

    def __init__(self, app: App, wish: Wish, progress: Progress = unwatched) -> None:
        self.app, self.wish, self.progress = app, wish, progress
        self.report = RunReport()
        self.run_id = new_run_id(app.clock.now())
        self.accounts = list(wish.accounts) or [account.name for account in app.settings.accounts]

    def only(self, *steps: Callable[[], None]) -> RunReport:
        """Do these steps in this order, and end with one canonical log line."""
        begun_at, before = self.app.clock.now(), traffic(self.app)
        for name in self.accounts:
            self.app.account(name)  # missing credentials are found before anything is changed
            self._watch_waits(name)
        with bound_contextvars(run_id=self.run_id):
            for step in steps:
                step()
            self.report.duration_seconds = (self.app.clock.now() - begun_at).total_seconds()
            self.report.note_traffic(traffic(self.app) - before)
            flow = ",".join(step.__name__ for step in steps)
            _log.info(logs.RUN_FINISHED, flow=flow, **self.report.as_line())
        return self.report

    def wants(self, part: str) -> bool:
        """Tell whether a part of the pull was asked for."""
        return self.wish.only in (None, part) and not (self.wish.order_ids and part != "orders")

    def _guarded(self, what: str, report: RunReport, work: Callable[[], None]) -> None:
        """Do one step; a remote trouble becomes a line of the report."""
        try:
            work()
        except RemoteError as error:
            report.failed.append(Failure(what=what, why=str(error), next=error.next_step))
            _log.error(logs.STEP_FAILED, step=what, error=str(error))

    def _each(self, what: str, work: Callable[[str, RunReport], None], *, at_once: bool = True) -> None:
        """Do one step for every account, side by side where that is possible.

        Each fills a report of its own; they are added up in the order of the accounts.
        """
        parts = {name: RunReport() for name in self.accounts}

        def step(name: str) -> None:
            with bound_contextvars(account=name):
                self._guarded(f"{what} of account {name}", parts[name], lambda: work(name, parts[name]))

        at_once = at_once and len(parts) > 1 and self.app.side_by_side
        if at_once:
            _ = self.app.ledger  # opened once, before the threads ask for it
        try:
            for_each(self.accounts, step, at_once=at_once)
        finally:
            for part in parts.values():
                self.report.add(part)

    def _watched(self, name: str) -> Progress:
        """Return the progress of one account's work, by name where there are several."""
        if self.progress is unwatched or len(self.accounts) == 1:
            return self.progress

        def told(task: str, done: int, total: int | None, /, **more: Any) -> None:
            self.progress(f"{name}: {task}", done, total, **more)

        return told

    def _watch_waits(self, name: str) -> None:
        """Let whoever watches see what an account's requests wait for."""
        if self.progress is unwatched:
            return
        progress = self._watched(name)
        self.app.account(name).gateway.throttle.on_wait = lambda operation, seconds: progress(
            "waiting", 0, None, wait=Wait(operation=operation, seconds=seconds)
        )

    def supply(self) -> None:
        """Read the seller's records. Raises `ConfigError` when they are faulty."""
        pulled = pull_flow.pull_supply(
            self.app.supply,
            self.app.ledger,
            self.app.clock,
            policies=self.app.settings.policies.keys(),
            max_shrink_share=self.app.settings.limits.max_supply_shrink_share,
        )
        self.report.note_supply(pulled)
        _log.debug(logs.SUPPLY_PULLED, skus=pulled.skus, lots=pulled.lots, refused=pulled.refused)

    def orders(self) -> None:
        """Read Amazon's orders."""
        self._each("orders", self._pull_orders)

    def offers(self) -> None:
        """Read Amazon's listings."""
        self._each("offers", self._pull_offers)

    def hints(self) -> None:
        """Read at once what Amazon's notifications point at."""
        self._each("hints", self._pull_hints)

    def performance(self) -> None:
        """Read what Amazon says of the account, once a day; a run by hand does not wait for it."""
        self._each("performance", partial(self._pull_performance, patience_seconds=0.0))

    def awaited_performance(self) -> None:
        """Read what Amazon says of the account, once a day, and wait until Amazon has it ready."""
        self._each("performance", partial(self._pull_performance, patience_seconds=REPORT_WAIT_SECONDS))

    def plan(self) -> None:
        """Decide every offer and judge every order."""
        planned = plan_flow.plan(
            self.app.ledger,
            self.app.clock,
            self.app.shop_terms,
            run_id=self.run_id,
            progress=self.progress,
        )
        self.report.plan.update(skus=planned.skus, changed=planned.changed)
        if planned.skus and planned.untouched == planned.skus:
            self.report.notes.append(
                "No listing could be decided: compare the SKUs of stock.csv with those at Amazon."
            )
        _log.debug(logs.OFFERS_PLANNED, skus=planned.skus, changed=planned.changed)

    def push(self) -> None:
        """Preview or make the changes."""
        self._each("push", self._push, at_once=False)
        with self.app.ledger.snapshot() as books:
            self.report.holds = list(books.offers.holds())

    def alert(self) -> None:
        """Look for trouble, and record what people are to be told."""
        found = alert_flow.alert(self.app.ledger, self.app.clock, self.app.shop_terms, self.app.alert_terms)
        self.report.note_alerts(found)
        _log.debug(logs.ALERTS_UPDATED, opened=found.opened, resolved=found.resolved)

    def notify(self) -> None:
        """Tell people; a channel that takes long is not waited for."""
        told = self.app.delivery.run(self.wish.notify_wait_seconds)
        self.report.note_told(told)
        _log.debug(logs.ALERTS_TOLD, sent=told.sent, failed=told.failed)

    def prune(self) -> None:
        """Forget history that is older than the settings keep it."""
        pruned = prune_flow.prune(self.app.ledger, self.app.clock, keep_days=self.app.settings.keep_days)
        self.report.pruned.update(pruned.counts)
        _log.debug(logs.HISTORY_PRUNED, **pruned.counts)

    def _pull_orders(self, name: str, report: RunReport) -> None:
        source, ledger, clock = self.app.account(name).orders, self.app.ledger, self.app.clock
        if self.wish.order_ids:
            pulled = pull_flow.pull_named_orders(
                name, source, ledger, clock, self.wish.order_ids, progress=self._watched(name)
            )
        else:
            pulled = pull_flow.pull_orders(
                name,
                source,
                ledger,
                clock,
                self.app.pull_terms_of(name, patience_seconds=self.wish.report_wait_seconds),
                run_id=self.run_id,
                window=self._window(),
                progress=self._watched(name),
            )
            report.watermarks[name] = pulled.watermark
        report.note_orders(name, pulled)
        _log.debug(logs.ORDERS_PULLED, pulled=pulled.pulled, new=pulled.new, changed=pulled.changed)

    def _window(self) -> OrderWindow | None:
        if self.wish.since is None and self.wish.until is None:
            return None
        since = self.wish.since or self.app.clock.now() - self.app.pull_terms.first
        return OrderWindow(since=since, until=self.wish.until)

    def _pull_offers(self, name: str, report: RunReport) -> None:
        pulled = pull_flow.pull_offers(
            name,
            self.app.account(name).offers,
            self.app.ledger,
            self.app.clock,
            run_id=self.run_id,
            progress=self._watched(name),
        )
        report.note_offers(pulled)
        _log.debug(logs.OFFERS_PULLED, observed=pulled.observed)

    def _pull_performance(self, name: str, _report: RunReport, *, patience_seconds: float) -> None:
        pulled = pull_flow.pull_performance(
            name,
            self.app.account(name).reports,
            self.app.ledger,
            self.app.clock,
            patience_seconds=patience_seconds,
        )
        _log.debug(logs.PERFORMANCE_PULLED, account=name, read=pulled.read, why=pulled.why)

    def _pull_hints(self, name: str, report: RunReport) -> None:
        account = self.app.account(name)
        for source in self.app.hint_sources(name):
            pulled = pull_flow.pull_hints(
                name,
                source,
                account.orders,
                account.offers,
                self.app.ledger,
                self.app.clock,
                self.app.hint_terms(name),
            )
            for job in pulled.finished:
                waiting = account.feeds if job.kind is JobKind.FEED else account.reports
                waiting.finished(job.job_id)
            report.note_hints(name, pulled)
            if (status := pulled.account_status) is not None:
                _log.warning(logs.ACCOUNT_STATUS_TOLD, status=status.status, former=status.former)
            _log.debug(logs.HINTS_PULLED, received=pulled.received, orders=pulled.orders, left=pulled.left)

    def _push(self, name: str, report: RunReport) -> None:
        pushed = push_flow.push(
            name,
            self.app.account(name).offers,
            self.app.ledger,
            self.app.clock,
            self.app.push_terms(
                confirm_wait_seconds=self.wish.confirm_wait_seconds if self.wish.apply else 0.0,
                turn_seconds=self.wish.turn_seconds,
            ),
            run_id=self.run_id,
            apply=self.wish.apply,
            skus=self.wish.skus,
            progress=self.progress,
            feeds=self.app.account(name).feeds,
            reports=self.app.account(name).reports,
            quota=self.app.account(name).gateway.throttle,
        )
        report.note_push(pushed)
        _log.debug(logs.OFFERS_PUSHED, account=name, applied=pushed.applied, held=pushed.held)


def traffic(app: App) -> Counter[str]:
    """Return the requests sent so far by operation, and under "throttled" how many Amazon refused."""
    sent: Counter[str] = Counter()
    for account in app.connected.values():
        sent.update(account.gateway.requests)
        sent["throttled"] += account.gateway.throttled
    return sent
