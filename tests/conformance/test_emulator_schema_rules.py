"""What Amazon's models say in their schemas is insisted on: what breaks it is refused.

Required, types, words and bounds are broken mechanically, one thing at a time, in requests that are good
otherwise; and what Amazon's sandbox refuses is refused. Rules stated in words: `test_emulator_text_rules`.
"""

import itertools
from dataclasses import replace

import pytest

from fbm_sync.emulator.gate.operations import OPERATIONS

from amazon_models import ANYTHING, ARE_HERE, WHY_SKIPPED, operations
from emulated import MARKET
from witnessed import (
    CODES,
    QUEUE,
    lived_in,
)

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

EMULATED = [one.name for one in OPERATIONS if one.name in operations()]
PAGING = {"paginationToken", "pageToken", "nextToken"}
FREE_TEXT = {"issueLocale", "variationParentSku", "packageHierarchySku", "payloadVersion"}
"""Any text will do for these, so there is nothing to break."""


# --- what the schemas say


def broken_parameters(operation, request):
    """The request again and again, each time with one query parameter that is not as its schema says."""
    for name, schema in operation.parameters.items():
        if schema["in"] != "query" or name not in request.query:
            continue
        if schema.get("required"):
            yield f"{name} is left out", request.but(**{name: None})
        for words, value in wrong_texts(schema):
            yield f"{name} is {words}", request.but(**{name: value})


def wrong_texts(schema):
    inner = schema.get("items", schema)
    if "enum" in inner:
        yield "an unknown word", "NO_SUCH_WORD"
    if inner.get("format") == "date-time":
        yield "no date", "yesterday"
        yield "no day of the calendar", "2026-02-30T00:00:00Z"
    if schema["type"] == "integer":
        yield "no number", "ten"
        yield "no whole number", "2.5"
    if schema["type"] == "boolean":
        yield "neither true nor false", "maybe"
    if "maximum" in schema:
        yield "too large", str(schema["maximum"] + 1)
    if "minimum" in schema:
        yield "too small", str(schema["minimum"] - 1)
    if "maxItems" in schema:
        words = inner.get("enum") or [MARKET, *(f"M{number}" for number in range(schema["maxItems"]))]
        yield "too long a list", ",".join(words[: schema["maxItems"] + 1])


def broken_bodies(operation, request):
    """The request again and again, each time with one thing in its body that is not as its schema says."""
    if operation.body_schema is None:
        return
    for words, body in broken(operation, operation.body_schema, request.body, "body"):
        yield words, replace(request, body=body)


def broken(operation, schema, value, place):
    schema = operation.resolved(schema)
    for words, wrong in wrong_values(schema):
        yield f"{place} is {words}", wrong
    if isinstance(value, dict):
        for name in schema.get("required", []):
            yield f"{place} is without {name}", {key: one for key, one in value.items() if key != name}
        for name, one in value.items():
            for words, wrong in broken(operation, described(operation, schema, name), one, f"{place}.{name}"):
                yield words, value | {name: wrong}
    if isinstance(value, list):
        for words, wrong in broken(operation, schema["items"], value[0], f"{place}[0]"):
            yield words, [wrong, *value[1:]]


def described(operation, schema, name):
    """The schema of one field, also where the object is described in parts; `{}` where any will do."""
    parts = [schema, *map(operation.resolved, schema.get("allOf", []))]
    found = [part["properties"][name] for part in parts if name in part.get("properties", {})]
    return found[0] if found else {}


def wrong_values(schema):
    other = {"string": 7, "array": "text", "object": ["list"]}
    if schema.get("type") in other:
        yield f"no {schema['type']}", other[schema["type"]]
    if "enum" in schema:
        yield "an unknown word", "NO_SUCH_WORD"
    if schema.get("format") == "date-time":
        yield "no date", "yesterday"
    if "maxLength" in schema:
        # Long, but otherwise what is wanted.
        yield "too long", QUEUE + "x" * (schema["maxLength"] + 1 - len(QUEUE))
    if "pattern" in schema:
        yield "of another form", "arn:aws:sns:us-east-1:123456789012:topic"
    if schema.get("minItems"):
        yield "an empty list", []
    if "maxItems" in schema:
        yield "too long a list", [MARKET] * (schema["maxItems"] + 1)


def structural_cases():
    """Which operation, which of its good requests, and the name of what is broken in it."""
    if not ARE_HERE:
        return []
    _, good = lived_in()
    found = {}
    for request in good:
        operation = operations()[request.operation]
        cases = itertools.chain(broken_parameters(operation, request), broken_bodies(operation, request))
        for words, wrong in cases:
            found.setdefault((request.operation, words), wrong)
    return [pytest.param(wrong, id=f"{name}: {words}") for (name, words), wrong in found.items()]


@pytest.mark.parametrize("request_", structural_cases())
def test_what_is_not_as_its_schema_says_is_refused(unmoved, request_):
    unmoved.refuses(request_)


def test_every_parameter_and_field_amazon_describes_was_broken(opened):
    _, good = opened
    for name in EMULATED:
        described_ = {one for one, schema in operations()[name].parameters.items() if schema["in"] == "query"}
        given = set().union(*(request.query for request in good if request.operation == name))
        assert described_ - PAGING <= given, name
        for request in (one for one in good if one.operation == name):
            broken_ = {words.split(" ")[0] for words, _ in broken_parameters(operations()[name], request)}
            lists = {one for one in request.query if is_open_list(operations()[name].parameters[one])}
            assert request.query.keys() - FREE_TEXT - lists <= broken_, name


def is_open_list(schema):
    return schema["type"] == "array" and "enum" not in schema["items"] and not schema.get("required")


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'"text"', b"\xff"])
@pytest.mark.parametrize("name", [name for name in EMULATED if operations()[name].body_schema])
def test_a_body_that_is_no_json_object_is_refused(unmoved, opened, name, content):
    good = next(one for one in opened[1] if one.operation == name)
    unmoved.refuses(replace(good, body=None), content=content)


# --- what the sandbox refuses


def sandbox_cases():
    left_out = {
        "cancelReport",  # the pair names no parameter, and the successful one would match it as well
        "getListingsItem",  # "BadSKU" is made up: a SKU may be any text, and an unknown one is 404
        "patchListingsItem",  # the same; Amazon accepts an unknown one
    }
    return [one for name in EMULATED if name not in left_out for one in operations()[name].samples(400)]


@pytest.mark.parametrize("sample", sandbox_cases(), ids=str)
def test_what_amazons_sandbox_refuses_is_refused(unmoved, opened, sample):
    operation = operations()[sample.operation]
    named = {name: value for name, value in sample.request.items() if value is not ANYTHING}
    good = next(one for one in opened[1] if one.operation == sample.operation)
    body = named.pop("body", None)
    path = {name: named.pop(name) for name in list(named) if operation.parameters[name]["in"] == "path"}
    query = {name: ",".join(value) if isinstance(value, list) else value for name, value in named.items()}
    path.pop("sellerId", None)  # the sandbox knows every seller
    unmoved.refuses(replace(good.but(path=path, **query), body=body))
    assert sample.body["errors"][0]["code"] == CODES[operation.model_name]
