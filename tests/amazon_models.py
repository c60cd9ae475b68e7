"""Amazon's own models of its API and documents: its operations, and a strict reading of their shapes.

The models are Amazon's files, laid beside the checkout in `../shared/spapi-models`; a test that needs one
that is not there is skipped. Amazon's schemas let extra fields pass. Here a field Amazon does not name is a
fault, so that slips show.
"""

import functools
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from jsonschema import Draft4Validator, Draft7Validator, FormatChecker

MODELS = Path(__file__).resolve().parents[2] / "shared" / "spapi-models"
ARE_HERE = MODELS.is_dir()
WHY_SKIPPED = f"Amazon's models are not beside the checkout ({MODELS.parent.name}/{MODELS.name})"
API_MODELS = (
    "orders_2026-01-01.json",
    "listingsItems_2021-08-01.json",
    "feeds_2021-06-30.json",
    "reports_2021-06-30.json",
    "notifications.json",
    "sellers.json",
)
ANYTHING = object()
"""Stands for a parameter of a sandbox request that may have any value."""

_MAPS = ("properties", "definitions", "patternProperties")
_BRANCHES = ("oneOf", "anyOf", "allOf", "not")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_FORMATS = FormatChecker(())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value):
    return not isinstance(value, str) or bool(_MOMENT.fullmatch(value) and datetime.fromisoformat(value))


@_FORMATS.checks("date", raises=ValueError)
def _is_day(value):
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@functools.cache
def _read(name):
    return json.loads((MODELS / name).read_text(encoding="utf-8"))


def model(name):
    """One of Amazon's files as it stands; nobody may change what is handed out."""
    if not (MODELS / name).is_file():
        pytest.skip(WHY_SKIPPED)
    return _read(name)


# --- what Amazon's operations are ---------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One exchange Amazon shows: the request, where it says which, and the answer."""

    operation: str
    status: int
    name: str
    request: dict
    body: object

    def __str__(self):
        return f"{self.operation}-{self.status}-{self.name}"


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation as Amazon documents it."""

    name: str
    model_name: str
    method: str
    path: str
    spec: dict

    @property
    def parameters(self):
        """Its parameters by name, the body included."""
        return {one["name"]: one for one in self.spec.get("parameters", [])}

    @property
    def is_grantless(self):
        """Whether it is the application's own, without any seller."""
        return "operation is grantless" in self.spec["description"]

    @property
    def statuses(self):
        """The statuses Amazon documents."""
        return {int(status) for status in self.spec["responses"]}

    @property
    def body_schema(self):
        """What a request's body must look like, None for those without one."""
        return self.parameters["body"]["schema"] if "body" in self.parameters else None

    def schema(self, status):
        """What an answer must look like, None for one without content."""
        return self.spec["responses"][str(status)].get("schema")

    def headers(self, status):
        """The headers Amazon documents for an answer, in lower case."""
        return {name.lower() for name in self.spec["responses"][str(status)].get("headers", {})}

    def address(self, **values):
        """The path with its parameters filled in."""
        return self.path.format_map({name: quote(value, safe="") for name, value in values.items()})

    def resolved(self, schema):
        """A schema with its own reference followed."""
        while "$ref" in schema:
            schema = model(self.model_name)["definitions"][schema["$ref"].rpartition("/")[2]]
        return schema

    def faults(self, schema, document):
        """What is wrong with a document by a schema of this operation's model."""
        definitions = _closed_definitions(self.model_name)
        return _faults(Draft4Validator, {"allOf": [schema], "definitions": definitions}, document)

    def request_faults(self, query, body):
        """What is wrong with a request that was really sent: pairs of query parameters, a body or None."""
        known = {name: one for name, one in self.parameters.items() if one["in"] == "query"}
        wrong = [f"{name}: Amazon has no such parameter" for name, _ in query if name not in known]
        given = {name for name, _ in query}
        wrong += [
            f"{name}: is missing" for name in known if known[name].get("required") and name not in given
        ]
        for name, text in query:
            if name in known:
                value = _as_typed(known[name], text)
                wrong += [f"{name}: {fault}" for fault in self.faults(_bare(known[name]), value)]
        if self.body_schema is None:
            return wrong + ([] if body in (None, {}) else ["body: Amazon wants none"])
        return wrong + [f"body: {fault}" for fault in self.faults(self.body_schema, body)]

    def samples(self, *statuses):
        """Every exchange Amazon shows for these statuses: sandbox pairs first, examples after them."""
        found = []
        for status in statuses:
            answer = self.spec["responses"].get(str(status), {})
            pairs = (answer.get("x-amzn-api-sandbox") or {}).get("static", [])
            for number, pair in enumerate(pairs, start=1):
                named = pair["request"]["parameters"].items()
                request = {name: one.get("value", ANYTHING) for name, one in named}
                found.append(Sample(self.name, status, f"pair{number}", request, pair.get("response")))
            for name, body in answer.get("examples", {}).items():
                # One of them is named after the field it shows the content of.
                whole = {name: body} if name == "payload" else body
                found.append(Sample(self.name, status, "example", {}, whole))
        return found


@functools.cache
def operations():
    """Every operation of the models used here, by its name; none where the models are absent."""
    found = {}
    for name in API_MODELS if ARE_HERE else ():
        for path, methods in _read(name)["paths"].items():
            for method, spec in methods.items():
                if isinstance(spec, dict) and "operationId" in spec:
                    operation = Operation(spec["operationId"], name, method.upper(), path, spec)
                    found[operation.name] = operation
    return found


def operation_at(method, path):
    """The operation a request goes to by Amazon's models, None where Amazon has none.

    `path` is as it was sent, percent-encoded.
    """
    for operation in operations().values():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path))
        if operation.method == method and re.fullmatch(pattern, path):
            return operation
    return None


def path_values(operation, path):
    """What a request's path says of each path parameter."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
    return {name: unquote(value) for name, value in re.fullmatch(pattern, path).groupdict().items()}


def samples(*names):
    """Every successful exchange Amazon shows for these operations, all of them in the order of the models."""
    return [
        sample
        for name in names
        if name in operations()
        for sample in operations()[name].samples(200, 201, 202)
    ]


# --- a strict reading -----------------------------------------------------------------------------


def faults_of(name, definition, document):
    """What is wrong with a document by one definition of a model, unknown fields included."""
    schema = {"$ref": f"#/definitions/{definition}"}
    model(name)
    definitions = _closed_definitions(name)
    return _faults(Draft4Validator, {"allOf": [schema], "definitions": definitions}, document)


def schema_faults(name, document):
    """What is wrong with a document that has a JSON schema of its own, unknown fields included."""
    model(name)
    return _faults(Draft7Validator, _closed_schema(name), document)


def _faults(kind, schema, document):
    validator = kind(schema, format_checker=_FORMATS)
    return [f"{error.json_path}: {error.message:.300}" for error in validator.iter_errors(document)]


@functools.cache
def _closed_schema(name):
    return _closed(_read(name), {})


@functools.cache
def _closed_definitions(name):
    definitions = _read(name)["definitions"]
    return {one: _closed(schema, definitions) for one, schema in definitions.items()}


def _closed(schema, definitions):
    """The schema with every object that names its fields closed to others; a branch of one stays as it is."""
    if isinstance(schema, list):
        return [_closed(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema and all("properties" in _target(one, definitions) for one in schema["allOf"]):
        schema = _merged(schema, definitions)
    closed = dict(schema)
    for key in _MAPS:
        if key in closed:
            closed[key] = {name: _closed(one, definitions) for name, one in closed[key].items()}
    if "items" in closed:
        closed["items"] = _closed(closed["items"], definitions)
    if "properties" in closed:
        # One of Amazon's schemas requires a field by another name than it describes it: it knows both.
        closed["properties"] = {name: {} for name in closed.get("required", ())} | closed["properties"]
        closed["additionalProperties"] = False
    return closed


def _merged(schema, definitions):
    """An object described in parts, as one; each part alone would refuse the others' fields."""
    parts = [_target(one, definitions) for one in schema["allOf"]]
    properties, required = {}, []
    for part in parts:
        properties |= part["properties"]
        required += part.get("required", [])
    rest = {key: value for key, value in schema.items() if key not in _BRANCHES}
    return rest | {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _target(schema, definitions):
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _bare(parameter):
    """A query parameter's own schema, without what only describes it."""
    words = ("type", "format", "enum", "items", "minItems", "maxItems", "minimum", "maximum", "pattern")
    return {word: parameter[word] for word in words if word in parameter}


def _as_typed(parameter, text):
    """A query parameter's text as a value; what is not of its type stays text, which is then a fault."""
    if parameter["type"] == "array":
        return text.split(",")
    if parameter["type"] == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text) if parameter["type"] == "boolean" else text
