"""An Amazon on loopback for tests and demos: orders, listings, limits and troubles, with its own clock.

Here: Amazon's side of the wire (LWA tokens, Orders, Listings Items, Feeds, Reports, Notifications and
Sellers), the rules by which orders and listings change, and the control paths under `/_emulator/`. Not
here: anything that knows how fbm_sync works. This folder imports nothing else of the package, so that it
stays an independent witness. The command line, the demo and tests may call it, through the names below.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fbm_sync.emulator.reference import CONTROL_HELP

if TYPE_CHECKING:
    from fbm_sync.emulator.app import create_app
    from fbm_sync.emulator.scenario import ScenarioError, load_scenario
    from fbm_sync.emulator.server import running, serve
    from fbm_sync.emulator.small_shop import default_scenario
    from fbm_sync.emulator.world import World

__all__ = [
    "CONTROL_HELP",
    "ScenarioError",
    "World",
    "create_app",
    "default_scenario",
    "load_scenario",
    "running",
    "serve",
]

# Loaded when first asked for: the command line shows the reference text without starting a web server.
_HOME_OF = {
    "World": "world",
    "create_app": "app",
    "ScenarioError": "scenario",
    "default_scenario": "small_shop",
    "load_scenario": "scenario",
    "running": "server",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
