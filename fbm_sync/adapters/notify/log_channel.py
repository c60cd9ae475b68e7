"""The log as a channel: always there, so that no alert is lost when every other channel is down."""

import logging

import structlog

from fbm_sync.adapters.notify.wording import Wording
from fbm_sync.domain.alert import Severity
from fbm_sync.domain.letters import Letter
from fbm_sync.logs import ALERT_TOLD

_log = structlog.get_logger()
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class LogNotifier:
    """Writes each alert as one line, whose level says how soon a person must act."""

    label = "log"

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def deliver(self, letter: Letter) -> None:
        for transition in letter.transitions:
            finding = transition.alert.finding
            # Written the moment it happens: quiet hours hold back what rings, and a log does not.
            entry = self._wording.entry(transition, transition.at)
            _log.log(
                logging.INFO if transition.is_over else _LEVELS[finding.severity],
                ALERT_TOLD,
                key=finding.key,
                kind=finding.kind,
                subject=finding.subject,
                severity=finding.severity.value,
                stage=finding.stage,
                transition=transition.kind.value,
                reason=transition.reason.value,
                headline=entry.headline,
                text=finding.text,
                action=finding.action,
                orders=list(finding.orders),
            )
