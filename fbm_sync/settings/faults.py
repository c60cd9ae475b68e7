"""What is wrong with a configuration file, in words a seller understands: place, value, what is allowed."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fbm_sync.settings.schema import ConfigFile

Location = Sequence[int | str]

_LONGEST_VALUE = 60
_SECRET_KEY = re.compile(r"secret|token|passw|credential|client_?id|api_?key|access_?key", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"Atz[ar]\||amzn1\.")
_USER_IN_ADDRESS = re.compile(r"://[^/@\"]*@")
_SECRET_HINT = (
    "secrets never belong in this file; set FBM_SYNC_<ACCOUNT>_CLIENT_ID, _CLIENT_SECRET and "
    "_REFRESH_TOKEN in the environment"
)


def describe(error: ValidationError, content: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each fault, each beginning with its place in the file."""
    return [f"{place(detail['loc'], content)}: {_fault(detail)}" for detail in error.errors()]


def place(location: Location, content: Mapping[str, Any]) -> str:
    """Return where in the file something stands, as a seller would say it: `policy.lamps.max_units`."""
    parts = [str(part) for part in location if not isinstance(part, int)]
    if parts and parts[0] == "accounts" and len(location) > 1:
        parts[0] = account_place(int(location[1]), content)
    return ".".join(parts)


def account_place(index: int, content: Mapping[str, Any]) -> str:
    """Return how an account is named in a message: by its name, else by its position."""
    try:
        name = content["accounts"][index]["name"]
    except (LookupError, TypeError):
        name = None
    return (
        f"accounts.{name}"
        if isinstance(name, str) and name.isidentifier()
        else f"accounts number {index + 1}"
    )


def shown(value: object) -> str:
    """Return a value as the file spells it, shortened; a secret pasted in the wrong place stays hidden."""
    text = _USER_IN_ADDRESS.sub("://…@", json.dumps(value, default=str, ensure_ascii=False))
    if _SECRET_VALUE.search(text):
        return "the value (hidden: it looks like a secret)"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _fault(detail: ErrorDetails) -> str:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return _unknown_key(location)
    if detail["type"] in {"model_type", "dict_type"}:
        return f"{shown(detail['input'])} is not allowed; write a table with its own keys"
    allowed = _allowed(location)
    if detail["type"] == "missing":
        return f"missing; write {allowed}"
    if detail["type"] == "value_error":
        return f"{shown(detail['input'])} {detail['ctx']['error']}"
    return f"{shown(detail['input'])} is not allowed; write {allowed}"


def _unknown_key(location: Location) -> str:
    """Explain a key that does not exist; its value is never shown, for it may be a secret."""
    key = str(location[-1])
    known = list(_table_at(location[:-1]).model_fields)
    # "client_secret" is like the name of a known key, but more like a secret in the wrong place.
    is_secret = _SECRET_KEY.search(key) is not None
    close = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.85 if is_secret else 0.6)
    if close:
        return f"unknown key; did you mean {close[0]}?"
    if is_secret:
        return f"unknown key; {_SECRET_HINT}"
    home = next((table for table, model in tables() if key in model.model_fields), None)
    if home is not None:
        return f"unknown key here; it belongs in {home}"
    return f"unknown key; known here are {', '.join(known)}"


def tables() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each table of the file as it is headed there, with its keys."""
    for name, field in ConfigFile.model_fields.items():
        model = _model_in(field.annotation)
        if model is not None:
            heading = {"accounts": "[[accounts]]", "policy": "[policy.default]"}.get(name, f"[{name}]")
            yield heading, model
            for key, entry in model.model_fields.items():
                table = _model_in(entry.annotation)
                if table is not None:
                    yield _shape(entry.annotation).format(f"{name}.{key}"), table


def _shape(annotation: Any) -> str:
    """Return how the heading of a table within a table looks, where there may be several."""
    origin = get_origin(annotation)
    if origin is list:
        return "[[{}]]"
    return "[{}.name]" if origin is dict else "[{}]"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the table class that a field holds, be it directly, in a list or by name."""
    candidates = (annotation, *get_args(annotation))
    return next(
        (entry for entry in candidates if isinstance(entry, type) and issubclass(entry, BaseModel)), None
    )


def key_at(location: Location) -> tuple[int | str, ...]:
    """Return the place of the whole key that a place lies in; of the table where it is one itself."""
    found = [depth for depth, field in _fields_along(location) if _model_in(field.annotation) is None]
    return tuple(location[: found[0]] if found else location)


def _fields_along(location: Location) -> Iterator[tuple[int, FieldInfo]]:
    """Yield the known keys on the way to a place, each with how far into the place it lies."""
    table: type[BaseModel] | None = ConfigFile
    steps = enumerate(location, start=1)
    for depth, step in steps:
        field = None if table is None else table.model_fields.get(str(step))
        if field is None:
            return
        yield depth, field
        table = _model_in(field.annotation)
        if get_origin(field.annotation) in {list, dict}:
            next(steps, None)  # the position in a list, or a policy's own name


def _table_at(location: Location) -> type[BaseModel]:
    """Return the table class at a place."""
    *_, table = [ConfigFile, *(_model_in(field.annotation) for _, field in _fields_along(location))]
    return table or ConfigFile


def _allowed(location: Location) -> str:
    """Return what may stand at a place: the description of its key, or of the whole table."""
    *_, description = [None, *(field.description for _, field in _fields_along(location))]
    return description or "something else"
