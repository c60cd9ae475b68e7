"""From a configuration file to settings: find it, read it, check it whole."""

import copy
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.errors import ConfigError
from fbm_sync.settings import schema
from fbm_sync.settings.faults import describe, key_at
from fbm_sync.settings.resolver import Resolver
from fbm_sync.settings.values import Settings

CONFIG_NAME = "fbm_sync.toml"
CONFIG_VARIABLE = "FBM_SYNC_CONFIG"
SYSTEM_CONFIG = Path("/etc/fbm_sync") / CONFIG_NAME

_INIT = "`fbm-sync init` writes one with every option explained."


def find_config(
    explicit: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    *,
    system: Path = SYSTEM_CONFIG,
) -> Path:
    """Return the configuration file to use: the one asked for, or the first that exists.

    Looked for in this order: `--config`, the working folder, $FBM_SYNC_CONFIG, /etc. One that is named
    but missing is a fault, never a reason to take another. Raises `ConfigError`.
    """
    variables = os.environ if environ is None else environ
    here = (cwd or Path.cwd()) / CONFIG_NAME
    named = variables.get(CONFIG_VARIABLE)
    if explicit is not None:
        return _existing(explicit, "--config")
    if here.is_file():
        return here
    if named:
        return _existing(Path(named), f"${CONFIG_VARIABLE}")
    if system.is_file():
        return system
    raise ConfigError(
        [f"{CONFIG_NAME}: not found here ({here}), in ${CONFIG_VARIABLE} (not set), or as {system}"],
        next_step=_INIT,
    )


def _existing(path: Path, named_by: str) -> Path:
    if not path.is_file():
        raise ConfigError([f"{path}: no such file (named by {named_by})"], next_step=_INIT)
    return path


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check a configuration file; `environ` serves the references in it.

    Paths inside are relative to the file's folder. Raises `ConfigError` with every fault of the file,
    each beginning with its place. Reads no secrets and touches neither database nor supply.
    """
    content = _read_toml(path)
    file, faults = _validated(content)
    resolver = Resolver(path.resolve().parent, os.environ if environ is None else environ, content)
    settings = resolver.settings(path, file)
    faults = faults + resolver.faults
    if faults:
        raise ConfigError([f"{path.name}: {fault}" for fault in faults])
    return settings


def load_policies(
    path: Path, changes: Iterable[tuple[str, str, str]], environ: Mapping[str, str] | None = None
) -> Mapping[str, BackorderPolicy]:
    """Read the policies of a configuration file as if some options had other values; the file stays.

    Each change names a policy, an option and its value as the file would spell it; quotes around a word
    may be left out. What a named policy leaves out it takes from the default one, changed or not.
    Raises `ConfigError` with every fault, as `load` would word it.
    """
    content = _read_toml(path)
    policies = content.setdefault("policy", {})
    policies.setdefault("default", {})
    unknown = []
    for policy, key, text in changes:
        if policy not in policies:
            unknown.append(f"policy.{policy}: there is no such policy (known: {', '.join(policies)})")
        else:
            policies[policy][key] = _value(text)
    file, faults = _validated(content)
    resolver = Resolver(path.resolve().parent, os.environ if environ is None else environ, content)
    settings = resolver.settings(path, file)
    if faults := [*unknown, *faults, *resolver.faults]:
        raise ConfigError(faults)
    return settings.policies


def _value(text: str) -> Any:
    """Return the value a text spells; what is none by the grammar of the file is a word without quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read_toml(path: Path) -> dict[str, Any]:
    """Return what the file holds; a fault of its grammar is the only one that can be told."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"], next_step=_INIT) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([f"{path.name} line {line}: not UTF-8 text; save the file as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (at ")
        raise ConfigError([f"{path.name}, {where.rstrip(')')}: {what}"]) from None


def _validated(content: dict[str, Any]) -> tuple[schema.ConfigFile, list[str]]:
    """Return the tables that are in order, and what is wrong with the others.

    The sound tables are checked further, so that a seller need not run this once for each fault.
    """
    try:
        return schema.ConfigFile.model_validate(content), []
    except ValidationError as error:
        faults = describe(error, content)
        return _sound_rest(copy.deepcopy(content), error), faults


def _sound_rest(content: dict[str, Any], error: ValidationError) -> schema.ConfigFile:
    """Return the file without what is wrong in it: faulty keys, and tables that lack a required one."""
    while True:
        spoilt = {_spoilt_place(detail) for detail in error.errors()}
        # Later entries of a list go first, so that the positions of the earlier ones stay true.
        for *steps, last in sorted(spoilt, key=_position, reverse=True):
            home: Any = content
            for step in steps:
                home = home[step]
            del home[last]
        try:
            return schema.ConfigFile.model_validate(content)
        except ValidationError as next_error:
            error = next_error


def _spoilt_place(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Return the place of the whole key that a fault spoils, or of the table when a key is missing."""
    location = key_at(detail["loc"])
    return location[:-1] if detail["type"] == "missing" else location


def _position(place: tuple[int | str, ...]) -> list[str]:
    """Sort key by which the tenth account comes after the second, and a key after its table."""
    return [f"{step:06}" if isinstance(step, int) else step for step in place]
