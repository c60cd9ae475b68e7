"""Any of the services Apprise knows (mail, Slack, Teams, Telegram, webhooks …), within a time limit."""

import logging
import threading
import warnings
from typing import TYPE_CHECKING

from fbm_sync.adapters.notify.wording import Message, word
from fbm_sync.domain.alert import Notification, Severity, Transition, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.errors import ConfigError, DeliveryError
from fbm_sync.logs import redact
from fbm_sync.ports import Clock

if TYPE_CHECKING:
    from apprise import AppriseResult, NotifyBase, NotifyType

_LONGEST_REASON = 200


class AppriseNotifier:
    """One channel named by an Apprise address; the address may hold a password and is never shown.

    Raises `ConfigError` when the address names no service. `clock` says how long is left when the
    message goes out; without one it counts from the moment it may go out. A service that takes longer
    than `timeout_seconds` counts as failed, and its late success may tell people twice: better than never.
    """

    def __init__(
        self,
        url: str,
        calendar: ShipCalendar,
        *,
        clock: Clock | None = None,
        timeout_seconds: float = 15.0,
    ) -> None:
        self._service = _service(url)
        self._calendar = calendar
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._sending: threading.Thread | None = None

    @property
    def label(self) -> str:
        """What may be shown of the address: the service only.

        Apprise masks passwords, but the host or path of some services is the secret itself.
        """
        shown = str(self._service.url(privacy=True))  # type: ignore[no-untyped-call]  # theirs has no types
        scheme, _, _ = shown.partition("://")
        return f"{self._service.service_name} ({scheme}://…)"

    def __repr__(self) -> str:
        return f"AppriseNotifier({self.label})"

    def deliver(self, notification: Notification) -> None:
        if self._sending is not None and self._sending.is_alive():
            raise DeliveryError(
                f"{self.label} still hangs on the message before; it is tried again.", retryable=True
            )
        transition = notification.transition
        now = self._clock.now() if self._clock else max(transition.at, transition.not_before)
        attempt = _Attempt(self._service, word(transition, self._calendar, now), transition)
        # A thread of its own, and one that does not keep the process alive: some services set no limit
        # on how long they may take.
        self._sending = threading.Thread(target=attempt.run, name="notify", daemon=True)
        self._sending.start()
        self._sending.join(self._timeout_seconds)
        if self._sending.is_alive():
            raise DeliveryError(
                f"{self.label} did not answer within {self._timeout_seconds:g} s; it is tried again.",
                retryable=True,
            )
        if attempt.fault is not None:
            raise DeliveryError(f"{self.label}: {attempt.fault} It is tried again.", retryable=True)


class _Attempt:
    """One message on its way; `fault` is what went wrong, `None` when it arrived."""

    def __init__(self, service: "NotifyBase", message: Message, transition: Transition) -> None:
        self.fault: str | None = "no answer."
        self._service = service
        self._message = message
        self._transition = transition

    def run(self) -> None:
        from apprise import Apprise, NotifyFormat

        sender = Apprise()
        sender.add(self._service)
        try:
            result = sender.notify(
                title=self._message.subject,
                body=self._message.body,
                notify_type=_mood(self._transition),
                body_format=NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 (whatever breaks in a plug-in, the message did not arrive)
            self.fault = f"{type(error).__name__}."
        else:
            self.fault = None if result else _reason(result)


def _service(url: str) -> "NotifyBase":
    """Return the service an address names, or complain without showing the address."""
    with warnings.catch_warnings():
        # Loading its services imports a standard module that is deprecated in Python 3.11 and 3.12.
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise, AppriseAsset

        service = Apprise.instantiate(url, asset=AppriseAsset(app_id="fbm_sync", app_desc="fbm_sync alerts"))
    if service is None:
        scheme = url.partition("://")[0] if "://" in url else "an address without ://"
        raise ConfigError(
            [f"alerts.channels: {scheme[:20]!r} with what follows it is not an address that Apprise knows"],
            next_step="Apprise's wiki lists the address of every service: https://github.com/caronc/apprise/wiki",
        )
    return service


def _mood(transition: Transition) -> "NotifyType":
    """Return the colour or symbol under which a service shows the message."""
    from apprise import NotifyType

    if transition.kind is TransitionKind.RESOLVED:
        return NotifyType.SUCCESS
    moods = {Severity.INFO: NotifyType.INFO, Severity.WARNING: NotifyType.WARNING}
    return moods.get(transition.alert.finding.severity, NotifyType.FAILURE)


def _reason(result: "AppriseResult") -> str:
    """Return what the service complained of last, without secrets."""
    complaints = [entry.message for entry in result.logs() if entry.level in _COMPLAINTS]
    return redact(str(complaints[-1]))[:_LONGEST_REASON] if complaints else "the service refused the message."


_COMPLAINTS = frozenset({logging.getLevelName(logging.WARNING), logging.getLevelName(logging.ERROR)})
