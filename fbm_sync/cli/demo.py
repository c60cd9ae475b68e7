"""`fbm-sync demo`: the whole job on a made-up shop, narrated."""

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.wiring import SystemClock

if TYPE_CHECKING:
    from fbm_sync.demo import story


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("demo")(demo)


def demo(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=60, metavar="N", help="Simulated days.")] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same shop.")] = 7,
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the shop's files and store are kept.")
    ] = Path("fbm_sync_demo"),
) -> int:
    """Play ten days of a made-up shop against an emulated Amazon, over real HTTP."""
    from fbm_sync.demo import story

    session: Session = context.obj
    screen = session.screen
    ends_at = SystemClock().now() - timedelta(minutes=10)
    with screen.watching() as progress:
        outcome = story.play(
            directory, days=days, seed=seed, ends_at=ends_at, say=screen.say, progress=progress
        )
    if screen.as_json:
        screen.document(
            {**dataclasses.asdict(outcome), "config": str(outcome.config), "sound": outcome.sound}
        )
    _sum_up(screen, outcome)
    return 0 if outcome.sound else 1


def _sum_up(screen: Screen, outcome: "story.Outcome") -> None:
    from fbm_sync.demo.shop import KETTLE

    counts = outcome.counts
    requests = ", ".join(f"{count} {name}" for name, count in outcome.requests.items())
    screen.say()
    screen.say(
        f"What happened in {outcome.days} simulated days ({outcome.seconds:.0f} s of yours)", style="bold"
    )
    missing, wrong = len(outcome.missing_orders), len(outcome.wrong_offers)
    screen.say(f"  orders   {counts['placed']} placed, {counts['shipped']} shipped; {missing} missing")
    screen.say(f"  offers   {counts['pushed']} changes written and read back; {wrong} not as decided")
    screen.say(f"  alerts   {counts['opened']} opened, {counts['told']} messages")
    screen.say(f"  Amazon   {requests}; throttled {counts['throttled']} times")
    screen.say()
    screen.say("Now try", style="bold")
    base = f"fbm-sync --config {outcome.config}"
    if outcome.slipped_orders:
        screen.say(f"  {base} explain {outcome.slipped_orders[0]}    # why this order will be late")
    screen.say(f"  {base} explain {KETTLE}           # why it is sold the way it is")
    screen.say(f"  {base} orders --at-risk                # all orders that need a hand")
