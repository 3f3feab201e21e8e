"""What is demanded of every answer, and how often each status came."""

import json
import re
from collections import Counter, defaultdict

import jsonschema_rs
import schemathesis

JSON_LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
PROBLEM = "application/problem+json"
REBUILD = "POST /v1/read-models/{name}/rebuild"


# What no integer of the document reaches: of the format `int64` at most.
INTEGER_END = 2**63
# What stands for itself in a query: a number, yes or no.
WORD = re.compile(r"-?(0|[1-9][0-9]*)|true|false")
# What a document is refused for that has not the shape that it should have. That one of two members is needed
# (`missing_field`) no schema of the document says.
SHAPE = ("unknown_field", "wrong_type")


class Answers:
    def __init__(self, document):
        self.document = document
        self.statuses = defaultdict(Counter)
        self.codes = set()
        self.accepted = Counter()
        self.schemas = {}

    def schema(self, name):
        if name not in self.schemas:
            whole = {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}
            self.schemas[name] = jsonschema_rs.validator_for(whole)
        return self.schemas[name]

    def fits(self, name, value):
        """Holds a value to a schema of the document."""
        for error in self.schema(name).iter_errors(value):
            raise AssertionError(f"it is not a {name}: {error.message}\n{json.dumps(value)}")

    def sent(self, kind, body, response):
        """The document says which shape a command has: no other is accepted, and none such is refused for its shape."""
        if response.status_code == 200:
            self.accepted[kind] += 1
            self.fits(kind, body)
        elif response.status_code == 400 and (problem := response.json())["code"] in SHAPE:
            assert not self.schema(kind).is_valid(body), f"it is a {kind}, but: {problem}\n{json.dumps(body)}"

    def note(self, case, response):
        self.statuses[case.operation.label][response.status_code] += 1

    def check(self, case, response):
        """What the document cannot say of an answer."""
        kind = kind_of(response)
        if response.status_code >= 500:
            waited = "min_sequence" in case.query and response.status_code == 503
            assert waited and response.json()["code"] == "behind", f"a failure of the server: {response.text}"
        if response.status_code == 400:
            self.allowed(case, response.json())
        if kind == PROBLEM:
            self.problem(response.json(), response.status_code)
        elif kind == EVENTS:
            self.events(response.text)
        elif kind == JSON_LINES:
            lines = [json.loads(it) for it in response.text.splitlines()]
            self.rebuilt(lines) if case.operation.label == REBUILD else self.told(lines)
        elif kind == "application/json":
            self.inside(response.json())

    def allowed(self, case, problem):
        """A number, a yes or no, or a word of a list that the document allows is not refused for what it is."""
        for it in case.operation.query:
            schema = it.definition.get("schema", {})
            told = problem.get("parameter") == it.name and case.query.get(it.name) is not None
            if told and (schema.get("type") in ("integer", "boolean") or "enum" in schema):
                sent = str(case.query[it.name])
                value = json.loads(sent) if WORD.fullmatch(sent) else sent
                beyond = isinstance(value, int) and abs(value) >= INTEGER_END
                right = not beyond and jsonschema_rs.is_valid(schema, value)
                assert not right, f"{it.name}={sent} is allowed, but: {problem}"

    def problem(self, problem, status):
        self.fits("Problem", problem)
        assert problem["status"] == status, problem
        assert problem["type"] == f"/problems/{problem['code']}", problem
        self.codes.add(problem["code"])

    def inside(self, value):
        """Every event, wherever it stands, is as the document says of its type."""
        if isinstance(value, list):
            for it in value:
                self.inside(it)
        elif isinstance(value, dict):
            if {"type", "v", "data"} <= value.keys():
                self.fits(value["type"], value["data"])
            for it in value.values():
                self.inside(it)

    def told(self, lines):
        numbers = [it.pop("line") for it in lines]
        assert numbers == sorted(set(numbers)), numbers
        for it in lines:
            if it["outcome"] == "accepted":
                self.fits("Accepted", it)
                self.inside(it)
            else:
                self.problem(it, it["status"])
                assert it["status"] < 500, it

    def rebuilt(self, lines):
        assert lines and lines[-1].get("same") is True, f"it was not the same again: {lines}"

    def events(self, text):
        for block in text.split("\n\n"):
            parts = dict(it.split(": ", 1) for it in block.splitlines() if not it.startswith(":"))
            if "data" in parts:
                event = json.loads(parts["data"])
                self.fits("Entry", event)
                self.inside(event)
                place = f"{event['sequence']}/{event['index']}"
                assert (parts["id"], parts["event"]) == (place, event["type"]), block


def is_a_tail(response):
    return kind_of(response) == EVENTS


def kind_of(response):
    return response.headers.get("content-type", [""])[0].split(";")[0]


@schemathesis.deserializer(JSON_LINES)
def text_of_lines(_context, response):
    return response.text


@schemathesis.serializer(JSON_LINES)
def lines_as_they_are(_context, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}
