#!/usr/bin/env python3
"""Calls generated from the ledger's own /openapi.json: no failure of the server, every answer of a documented status
and shape, and every operation goes well at least once.

    seatledger dev --no-demo
    python tests/generated/run.py --http http://127.0.0.1:8640 --key "$KEY"

Fills the ledger, moves its clock and leaves much behind: it wants a ledger of its own.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path

import schemathesis
from answers import INTEGER_END, Answers, is_a_tail
from calls import MANY, SEND, Calls
from ledger import Ledger
from schemathesis.cli import schemathesis as command_line

SEED = 2026
EXAMPLES = 20
# What schemathesis calls them.
EVENT_SCHEMA, ACCEPTED = "ST108", "ST201"
CHECKS = (
    "demanded,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection"
)


def types_of(document):
    body = document["paths"]["/v1/accounts/{account}/commands/{command}"]["post"]["requestBody"]
    return [it["$ref"].rsplit("/", 1)[1] for it in body["content"]["application/json"]["schema"]["anyOf"]]


def hook(calls, answers, types):
    @schemathesis.hook
    def before_call(_context, case, kwargs):
        calls.change(case, kwargs)

    @schemathesis.hook
    def after_call(_context, case, response):
        answers.note(case, response)

    @schemathesis.hook
    def filter_failure(_context, failure, case, response):
        if failure.code == EVENT_SCHEMA:
            # In OpenAPI 3.1 the schema is that of the text; what is in it, answers.py holds to `Entry`.
            return not is_a_tail(response)
        if failure.code == ACCEPTED:
            # Lines are text, and what is no text is sent as some. Numbers of holders go on where `int64` ends.
            number = str(case.query.get("number", ""))
            return not (case.operation.label == MANY or number.isdecimal() and int(number) >= INTEGER_END)
        return True

    @schemathesis.check
    def demanded(_context, response, case):
        answers.check(case, response)
        if case.operation.label == SEND and (kind := case.path_parameters["command"]) in types:
            answers.sent(kind, case.body, response)


# What goes well only where something stands on the log that no call over HTTP puts there, and how it
# is refused else. tests/it/damage/foreign.rs has it go well.
REFUSED = {"POST /v1/log/void": 409}


def generate(document, http, seed):
    """Whether schemathesis found nothing."""
    # Where it stands, and beside its settings, schemathesis leaves what it remembers.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        file = Path(folder, "openapi.json")
        file.write_text(json.dumps(document))
        settings = Path(folder, "schemathesis.toml")
        settings.write_text(Path(__file__).with_name(settings.name).read_text())
        run = [
            "--config-file", settings, "run", file, "--url", http,
            "--checks", CHECKS, "--mode", "all", "--phases", "examples,coverage,fuzzing",
            "--seed", seed, "--generation-database", "none",
            "--generation-with-security-parameters", "false", "--max-examples", EXAMPLES, "--no-shrink",
            "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        ]  # fmt: skip
        try:
            return command_line.main([str(it) for it in run], standalone_mode=False) in (None, 0)
        except SystemExit as end:
            return end.code in (None, 0)


def missing(document, answers, types):
    """What never went well, a line each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            label = f"{method.upper()} {path}"
            seen = answers.statuses[label]
            print(f"{label:<75}", " ".join(f"{status}×{count}" for status, count in sorted(seen.items())))
            if REFUSED.get(label) in seen:
                continue
            if not any(200 <= it < 300 for it in seen):
                yield f"{label} never went well"
    print("accepted:", " ".join(f"{it}×{answers.accepted[it]}" for it in types))
    yield from (f"no {it} was ever accepted" for it in types if not answers.accepted[it])


def afterwards(ledger, answers):
    """What is not as it should be once all calls are made, a line each."""
    for code in sorted(answers.codes):
        if code not in ledger.ask(f"/problems/{code}"):
            yield f"the page about {code} does not name it"
    if not ledger.ask("/readyz")["ready"]:
        yield "the ledger is not ready"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--http", required=True)
    arguments.add_argument("--key", required=True, help="of every account, and an admin's")
    arguments.add_argument("--document", help="another one than the ledger serves")
    arguments.add_argument("--seed", type=int, default=SEED)
    given = arguments.parse_args()
    ledger = Ledger(given.http, given.key)
    document = json.loads(Path(given.document).read_text()) if given.document else ledger.ask("/openapi.json")
    types = types_of(document)
    answers = Answers(document)
    hook(Calls(ledger, document, types, given.seed), answers, types)
    good = generate(document, given.http, given.seed)
    wrong = [*missing(document, answers, types), *afterwards(ledger, answers)]
    print("codes:", " ".join(sorted(answers.codes)))
    for it in wrong:
        print("WRONG:", it)
    sys.exit(0 if good and not wrong else 1)


if __name__ == "__main__":
    main()
