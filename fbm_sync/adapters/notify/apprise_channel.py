"""Any of the services Apprise knows (mail, Slack, Teams, Telegram, webhooks …), within a time limit."""

import logging
import warnings
from typing import TYPE_CHECKING

from fbm_sync.adapters.notify.attempt import Attempts
from fbm_sync.adapters.notify.pages import Pages
from fbm_sync.adapters.notify.wording import Message
from fbm_sync.domain.alert import Severity, Transition
from fbm_sync.domain.letters import Letter
from fbm_sync.errors import ConfigError, DeliveryError
from fbm_sync.logs import redact
from fbm_sync.ports import Clock

if TYPE_CHECKING:
    from apprise import AppriseResult, NotifyBase, NotifyType

_LONGEST_REASON = 200

_MAIL = frozenset(
    {"mailto", "mailtos", "ses", "sendgrid", "mailgun", "sparkpost", "smtp2go", "o365", "resend"}
)
"""Services that carry a whole page; the others show plain text best."""


class AppriseNotifier:
    """One channel named by an Apprise address; the address may hold a password and is never shown.

    Raises `ConfigError` when the address names no service. `clock` says how long is left when the
    message goes out; without one it counts from the moment it may go out.
    """

    def __init__(
        self, url: str, pages: Pages, *, clock: Clock | None = None, timeout_seconds: float = 15.0
    ) -> None:
        self._service = _service(url)
        self._pages = pages
        self._clock = clock
        self._attempts = Attempts(self.label, timeout_seconds)
        # Apprise would rest some seconds between two messages; ours are few, and put together already.
        self._service.request_rate_per_sec = 0

    @property
    def label(self) -> str:
        """What may be shown of the address: the service only.

        Apprise masks passwords, but the host or path of some services is the secret itself.
        """
        return f"{self._service.service_name} ({self._scheme}://…)"

    @property
    def _scheme(self) -> str:
        shown = str(self._service.url(privacy=True))  # type: ignore[no-untyped-call]  # theirs has no types
        return shown.partition("://")[0]

    def __repr__(self) -> str:
        return f"AppriseNotifier({self.label})"

    def deliver(self, letter: Letter) -> None:
        lead = letter.notifications[0]
        now = self._clock.now() if self._clock else max(lead.transition.at, lead.not_before)
        message = self._pages.message(letter, now)
        self._attempts.run(lambda: self._send(message, letter.transition))

    def _send(self, message: Message, lead: Transition) -> DeliveryError | None:
        from apprise import Apprise, NotifyFormat

        sender = Apprise()
        sender.add(self._service)
        is_page = self._scheme in _MAIL
        result = sender.notify(
            title=message.subject,
            body=message.html if is_page else message.text,
            notify_type=_mood(lead),
            body_format=NotifyFormat.HTML if is_page else NotifyFormat.TEXT,
        )
        if result:
            return None
        return DeliveryError(f"{self.label}: {_reason(result)} It is tried again.", retryable=True)


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

    if transition.is_over:
        return NotifyType.SUCCESS
    moods = {Severity.INFO: NotifyType.INFO, Severity.WARNING: NotifyType.WARNING}
    return moods.get(transition.alert.finding.severity, NotifyType.FAILURE)


def _reason(result: "AppriseResult") -> str:
    """Return what the service complained of last, without secrets."""
    complaints = [entry.message for entry in result.logs() if entry.level in _COMPLAINTS]
    return redact(str(complaints[-1]))[:_LONGEST_REASON] if complaints else "the service refused the message."


_COMPLAINTS = frozenset({logging.getLevelName(logging.WARNING), logging.getLevelName(logging.ERROR)})
