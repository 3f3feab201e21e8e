#!/usr/bin/env python3
"""Requests generated from the vendor's OpenAPI document: no failure of the server, and every answer of a documented
status and shape."""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import yaml

BASE = "/api/catalog/licenses/"
SEED = 2026
EXAMPLES = 40
PLATFORM = "generated"
# What else is refused next to always: what is out of bounds is generated from this, too.
LABEL = {"pattern": "^[A-Za-z0-9 -]{1,40}$"}
LABELS = ("name", "source", "transaction_id", "change_type", "course_id", "program_key", "external_id")
BOUNDS = {**dict.fromkeys(LABELS, LABEL), "count": {"minimum": 0, "maximum": 1000}}
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def named(value, found):
    """Every name of a schema that a part of the document refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if reference:
            found.add(reference.rsplit("/", 1)[1])
        for it in value.values():
            named(it, found)
    elif isinstance(value, list):
        for it in value:
            named(it, found)


def part(document):
    """The calls about licenses, and the schemas that they need."""
    paths = {path: it for path, it in document["paths"].items() if path.startswith(BASE)}
    schemas, wanted, known = {}, set(), document["components"]["schemas"]
    named(paths, wanted)
    while wanted - schemas.keys():
        for name in wanted - schemas.keys():
            schemas[name] = known[name]
            named(known[name], wanted)
    security = document["components"]["securitySchemes"]
    components = {"schemas": schemas, "securitySchemes": security}
    head = {key: document[key] for key in ("openapi", "info")}
    return {**head, "paths": paths, "components": components}


class Ledger:
    """What requests can be about: a license of each kind, users, a group, all of one platform."""

    def __init__(self, http, key):
        self.http, self.key = http, key
        self.ids = {}
        self.send("RegisterHolder", {"holder": {"user": "ada", "email": "ada@example.com"}})
        sequence = self.send("AddMembers", {"group": "staff", "holders": [{"user": "bo"}]})
        self.ids["user_id"] = self.ask(f"/v1/accounts/{PLATFORM}/holders/ada?min_sequence={sequence}")
        self.ids["group_id"] = self.ask(f"/v1/accounts/{PLATFORM}/groups/staff")
        self.ids = {name: it["number"] for name, it in self.ids.items()}
        for kind in ("user", "course", "program", "platform"):
            body = {"platform_key": PLATFORM, "count": 500, "course_id": "c", "program_key": "p"}
            self.ids[kind] = self.ask(f"{BASE}{kind}/create/", body)["id"]

    def ask(self, path, document=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.http + path, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def send(self, kind, document):
        return self.ask(f"/v1/accounts/{PLATFORM}/commands/{kind}", document)["sequence"]

    def known(self, name, kind):
        """The value that a member of that name has to have to be about something."""
        if name in ("platform_key", "platform_org", "key", "org"):
            return PLATFORM
        return self.ids[kind] if name == "license_id" else self.ids.get(name)


def about_something(document, ledger):
    """Narrows names and numbers to those that mean something: else next to everything is refused."""
    for path, call in document["paths"].items():
        kind = path.removeprefix(BASE).split("/")[0]
        for it in (it for method in call.values() for it in method.get("parameters", [])):
            narrow(it["schema"], ledger.known(it["name"], kind))
    for name, schema in document["components"]["schemas"].items():
        kinds = (it for it in ("user", "course", "program", "platform") if name.lower().startswith(it))
        kind = next(kinds, None)
        if kind and not name.endswith("Detail") or name.endswith(("CreateDetail", "UpdateDetail")):
            for member, it in schema.get("properties", {}).items():
                narrow(it, ledger.known(member, kind))
                it.update(BOUNDS.get(member, {}))


def narrow(schema, value):
    if value is not None:
        schema["enum"] = [value]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--http", required=True)
    arguments.add_argument("--key", required=True, help="of every account")
    arguments.add_argument("--document", required=True, help="sdk_schema.yml of the npm package")
    given = arguments.parse_args()
    with open(given.document) as file:
        document = part(yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    calls = sum(len(it) for it in document["paths"].values())
    assert (len(document["paths"]), calls) == (19, 31), (len(document["paths"]), calls)
    ledger = Ledger(given.http, given.key)
    about_something(document, ledger)
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder, "licenses.json")
        schema.write_text(json.dumps(document))
        run = [
            Path(sys.executable).with_name("schemathesis"), "run", schema, "--url", given.http,
            "--header", f"Authorization: Api-Key {given.key}", "--checks", CHECKS,
            "--seed", SEED, "--generation-deterministic", "--max-examples", EXAMPLES,
            "--phases", "examples,coverage,fuzzing", "--no-shrink",
            "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        ]
        code = subprocess.run([str(it) for it in run], cwd=folder).returncode
    for kind in ("user", "course", "program", "platform"):
        page = ledger.ask(f"{BASE}{kind}/?platform_key={PLATFORM}")
        assert page["count"] > 1, f"no {kind} license came of it: {page['count']}"
    sys.exit(code)


if __name__ == "__main__":
    main()
