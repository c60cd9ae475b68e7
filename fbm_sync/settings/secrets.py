"""An account's secrets: from the environment, systemd credentials or Docker secrets, never from the file.

Read apart from the settings, so that commands that never call Amazon work without them.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from fbm_sync.errors import ConfigError

DOCKER_SECRETS = Path("/run/secrets")
_NEXT_STEP = (
    "Set them in the environment, or put each into a file of that name in $CREDENTIALS_DIRECTORY "
    "(systemd) or /run/secrets (Docker)."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Amazon asks for before it answers; shows nothing of itself when printed.

    `former_client_secret` may be given while a new client secret is not yet known everywhere at Amazon.
    """

    client_id: str = dataclasses.field(repr=False)
    client_secret: str = dataclasses.field(repr=False)
    refresh_token: str = dataclasses.field(repr=False)
    former_client_secret: str | None = dataclasses.field(default=None, repr=False)


def variable_name(account: str, field: str) -> str:
    """Return the name under which one secret of an account is looked for."""
    return f"FBM_SYNC_{account}_{field}".upper()


def read_credentials(
    account: str, environ: Mapping[str, str] | None = None, *, docker_secrets: Path = DOCKER_SECRETS
) -> Credentials:
    """Return an account's secrets; the first place that has one wins: environment, systemd, Docker.

    Raises `ConfigError` naming every variable that is missing or empty; never shows a value.
    """
    variables = os.environ if environ is None else environ
    folders = [docker_secrets]
    if variables.get("CREDENTIALS_DIRECTORY"):
        folders.insert(0, Path(variables["CREDENTIALS_DIRECTORY"]))
    found: dict[str, str] = {}
    problems: list[str] = []
    for field in dataclasses.fields(Credentials):
        name = variable_name(account, field.name)
        try:
            if (value := _secret(name, variables, folders)) is not None:
                found[field.name] = value
            elif field.default is dataclasses.MISSING:
                raise ValueError("missing")
        except ValueError as fault:
            problems.append(f"{name}: {fault}")
    if problems:
        raise ConfigError(problems, next_step=_NEXT_STEP)
    return Credentials(**found)


def _secret(name: str, variables: Mapping[str, str], folders: list[Path]) -> str | None:
    """Return one secret, `None` where no place has it; a `ValueError` says what is wrong with one."""
    value = variables.get(name)
    given = value is not None
    for folder in folders:
        if value and value.strip():
            break
        value = _file_text(folder / name)
        given = given or value is not None
    value = (value or "").strip()
    if not value:
        if given:
            raise ValueError("empty")
        return None
    if not value.isprintable() or " " in value:
        # Such a value would only be refused by Amazon much later, with a far less helpful message.
        raise ValueError("has a space or line break inside; paste it again")
    return value


def _file_text(path: Path) -> str | None:
    """Return what a secret's file holds; `None` when there is no such file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the file {path} is not text") from error
