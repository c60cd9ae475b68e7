"""An Amazon on loopback for tests and demos: orders, listings, limits and troubles, with its own clock.

Here: Amazon's side of the wire (LWA tokens, Orders 2026-01-01, Listings Items 2021-08-01), the rules by
which orders and listings change, and the control paths under `/_emulator/`. Not here: anything that
knows how fbm_sync works. This folder imports nothing else of the package, so that it stays an
independent witness. The command line, the demo and tests may call it, through the names below.
"""

from .app import create_app
from .reference import CONTROL_HELP
from .scenario import ScenarioError, default_scenario, load_scenario
from .server import running, serve
from .world import World

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
