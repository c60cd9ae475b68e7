"""How far back orders are read, how much at once, and with which means a long past is caught up with."""

import dataclasses
from datetime import timedelta

from fbm_sync.ports import Quota, ReportSource


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a catch-up may use: the account's request limits and its reports, and how patiently.

    Without a `quota` nothing is ever too much, and every span is read from its beginning to its end. Without
    `reports` a catch-up does with pages. `patience_seconds` is how long one pull waits for a report.
    """

    quota: Quota | None = None
    reports: ReportSource | None = None
    patience_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PullTerms:
    """How far back to read: `overlap` is read again before the watermark, `first` without one.

    Amazon sometimes shows an order hours after it came to be, behind the watermark by then. So every
    `sweep_every` the pull reaches back by `sweep_overlap` instead.

    A span that is too long to be read at once is caught up with by the `means`. The last `recent` of it is
    read before raises may rest on it: in it lie the parcels that left after the last stock count. `open_back`
    is how far back open orders are looked for; it costs nothing, for only open ones are listed. The past is
    read in slices of `slice_span`.
    """

    overlap: timedelta = timedelta(minutes=10)
    first: timedelta = timedelta(days=30)
    sweep_every: timedelta = timedelta(hours=6)
    sweep_overlap: timedelta = timedelta(hours=26)
    recent: timedelta = timedelta(hours=26)
    open_back: timedelta = timedelta(days=180)
    slice_span: timedelta = timedelta(days=10)
    means: Means = dataclasses.field(default_factory=Means)
