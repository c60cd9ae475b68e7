"""Letters as messages: the parts laid out by templates, ours or the seller's own.

A template sees words only and can do nothing else. A faulty one is found when it is loaded; one that
fails all the same gives way to ours, for the message must go out.
"""

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fbm_sync.adapters.notify.wording import LONGEST_SUBJECT, Message, Story, Wording
from fbm_sync.domain.alert import Alert, AlertState, Finding, Reason, Severity, Transition, TransitionKind
from fbm_sync.domain.letters import Letter, Notification
from fbm_sync.domain.telling import Purpose
from fbm_sync.errors import ConfigError
from fbm_sync.logs import TEMPLATE_FAILED

_log = structlog.get_logger()

TEMPLATES = ("subject.txt", "message.txt", "message.html", "digest.txt", "digest.html")
"""The files a folder of templates may hold; the others stay ours."""

_OURS = PackageLoader("fbm_sync.adapters.notify", "templates")
_EMPTY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


class Pages:
    """Words letters and lays them out; `folder` may hold templates of the seller's own.

    Raises `ConfigError` listing every template that cannot be used.
    """

    def __init__(self, wording: Wording, folder: Path | None = None) -> None:
        self.wording = wording
        self._ours = _environment(_OURS)
        self._theirs = self._ours
        if folder is not None:
            self._theirs = _environment(ChoiceLoader([FileSystemLoader(folder), _OURS]))
            faults = [*_strangers(folder), *self._faults(folder)]
            if faults:
                raise ConfigError(
                    [f"alerts.templates: {fault}" for fault in faults],
                    next_step="Correct them, or take the file away: then ours is used.",
                )

    def message(self, letter: Letter, now: datetime) -> Message:
        """Return a letter as a person reads it."""
        story = self.wording.story(letter, now)
        try:
            return _laid_out(self._theirs, story)
        except Exception as error:  # noqa: BLE001 (whatever a template does, the message must go out)
            _log.error(TEMPLATE_FAILED, error=f"{type(error).__name__}: {error}")
            return _laid_out(self._ours, story)

    def _faults(self, folder: Path) -> Iterator[str]:
        """Try every template of the folder on samples of all kinds."""
        for name in TEMPLATES:
            if not (folder / name).is_file():
                continue
            try:
                template = self._theirs.get_template(name)
                for story in (self.wording.story(letter, _SAMPLE_AT) for letter in samples()):
                    if story.is_digest or not name.startswith("digest"):
                        template.render(_context(story))
            except Exception as error:  # noqa: BLE001 (a template may fail in any way)
                yield f"{name}{_line(error, name)}: {error}"


def _environment(loader: BaseLoader) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=lambda name: bool(name) and str(name).endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(story: Story) -> dict[str, Any]:
    return {field.name: getattr(story, field.name) for field in dataclasses.fields(story)}


def _laid_out(environment: ImmutableSandboxedEnvironment, story: Story) -> Message:
    body = "digest" if story.is_digest else "message"
    subject, text, html = (
        environment.get_template(name).render(_context(story))
        for name in ("subject.txt", f"{body}.txt", f"{body}.html")
    )
    line = " ".join(subject.split())
    return Message(
        subject=line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…",
        text=_EMPTY_LINES.sub("\n\n", text).strip(),
        html=html.strip(),
    )


def _strangers(folder: Path) -> Iterator[str]:
    """Name the files that look like templates but are none, so that a typing mistake is noticed."""
    if not folder.is_dir():
        yield f"{folder} is not a folder"
        return
    for file in sorted((*folder.glob("*.txt"), *folder.glob("*.html"))):
        if file.name not in TEMPLATES:
            yield f"{file.name} is not a template; known are {', '.join(TEMPLATES)}"


def _line(error: Exception, name: str) -> str:
    """Return where in a template a fault stands."""
    if isinstance(error, TemplateError) and (line := getattr(error, "lineno", None)):
        return f" line {line}"
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" line {line}" if line else ""


_SAMPLE_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def samples() -> Iterator[Letter]:
    """Yield letters of all kinds: what every template must be able to show."""
    kinds = (
        (TransitionKind.OPENED, Reason.FIRST_FOUND),
        (TransitionKind.ESCALATED, Reason.STAGE_REACHED),
        (TransitionKind.REMINDED, Reason.STILL_OPEN),
        (TransitionKind.RESOLVED, Reason.NO_LONGER_FOUND),
    )
    steps = [_sample_step(one, kind, reason) for one in _sample_findings() for kind, reason in kinds]
    for group in ([steps[0]], [steps[3]], [steps[4]], steps):
        for purpose in Purpose:
            notes = (
                Notification(
                    notification_id=number,
                    channel="test",
                    transition=step,
                    not_before=step.at,
                    purpose=purpose,
                )
                for number, step in enumerate(group)
            )
            yield Letter(channel="test", notifications=tuple(notes), purpose=purpose)


def _sample_findings() -> tuple[Finding, Finding]:
    """Return an order that may be late, and a cause that hurts many."""
    order = "111-2222222-3333333"
    cause = Finding(
        account="main",
        kind="po_late",
        subject="PO-7",
        severity=Severity.CRITICAL,
        text="It is six days late.",
        action="",
        orders=tuple(f"111-0000000-{number:07}" for number in range(30)),
    )
    late = Finding(
        account="main",
        kind="at_risk",
        subject=order,
        severity=Severity.WARNING,
        text="Its stock comes too late.",
        action="Ship it from elsewhere.",
        stage="T-12",
        orders=(order,),
        due_at=_SAMPLE_AT + timedelta(hours=11),
        bundle=cause.key,
    )
    return late, cause


def _sample_step(finding: Finding, kind: TransitionKind, reason: Reason) -> Transition:
    alert = Alert(finding=finding, state=AlertState.OPEN, opened_at=_SAMPLE_AT, changed_at=_SAMPLE_AT)
    return Transition(alert=alert, kind=kind, reason=reason, at=_SAMPLE_AT)
