"""What becomes of a generated call before it is sent: half of the calls are made to be about something that there is,
the others go out as they were generated."""

import json
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import jsonschema_rs
from ledger import COMMANDS

# How many calls in a hundred show which key; the others show none, as `dev` allows.
SHOWN = {"every": 40, "reader": 4, "auditor": 4, "operator": 4, "admin": 4, "garbled": 2}
# Each sequence that is not there yet is waited for 5 s, and each tail without events its seconds.
WAITS_MAX = 3
SILENT_MAX = 4
TAIL_TIMEOUT = (5, 1)
# The clock cannot be moved back, and at the end of time nothing more could be asked.
FORWARD = ("0s", "90s", "15m", "12h", "30d")
FORWARD_MAX = timedelta(days=31)
MOMENT = re.compile(r"[0-9]{4}-")
SPAN = re.compile(r"[0-9]+[smhd]$")
PLACE = re.compile(r"[0-9]+(/[0-9]+)?")
LINES_MAX = 6
# Documents that stand ready to be lines of many.
KEPT = 200
# What a parameter is called where it is not called like what it names.
ALSO = {"holder": "user", "after": "sequence", "at": "sequence", "min_sequence": "sequence", "receiver": "account",
        "within": "container", "from": "container", "to": "container", "assignments": "assignment"}  # fmt: skip
# Of an account and by an id of their own, once they are sent again.
READY = [{name: it[name] for name in it if name not in ("id", "account")} for it in COMMANDS]
READY.append({"type": "CancelSchedule", "schedule": 1})
SEND = "POST /v1/accounts/{account}/commands/{command}"
MANY = "POST /v1/commands"
CHECKS = "POST /v1/accounts/{account}/checks"
CLOCK = "POST /v1/clock"


class Calls:
    """Changes calls, by chance from a seed and the number of the call."""

    def __init__(self, ledger, document, commands, seed):
        self.ledger, self.commands, self.seed = ledger, commands, seed
        self.made, self.waits, self.silent = Counter(), 0, 0
        self.lines = []
        schemas = document["components"]
        self.schemas = {
            it: jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{it}", "components": schemas})
            for it in commands
        }
        self.needed = {it: set(schemas["schemas"][it].get("required", ())) for it in commands}

    def change(self, case, kwargs):
        label = case.operation.label
        self.made[label] += 1
        self.chance = random.Random(f"{self.seed} {label} {self.made[label]}")
        self.show_a_key(case)
        if label == SEND:
            self.keep(case.body)
        if self.chance.random() < 0.5:
            self.be_about_something(label, case)
        if label == MANY and isinstance(case.body, str) and self.chance.random() < 0.6:
            case.body = self.some_lines()
        if label == CLOCK:
            bound_the_clock(case, self.chance)
        if label.endswith("/events"):
            kwargs["timeout"] = TAIL_TIMEOUT
            self.bound_the_tail(case)
        self.bound_the_wait(case)

    def show_a_key(self, case):
        whose = self.chance.choices([*SHOWN, None], [*SHOWN.values(), 100 - sum(SHOWN.values())])[0]
        if whose is None:
            return
        key = {**self.ledger.keys, "every": self.ledger.key, "garbled": "slk_garbled"}[whose]
        name, before = self.chance.choice(
            [("Authorization", it) for it in ("Bearer ", "Api-Key ", "Api-Token ", "")] + [("apikey", "")]
        )
        case.headers[name] = before + key

    def be_about_something(self, label, case):
        # Most of what there is is in acme.
        weights = [8 if it == "acme" else 1 for it in self.ledger.accounts]
        account = self.chance.choices(self.ledger.accounts, weights)[0]
        names = {**self.ledger.names[account], "sequence": range(1, self.ledger.sequence + 1)}
        if label == SEND:
            self.be_a_command(case, names)
        elif label == CHECKS and isinstance(case.body, dict):
            case.body = self.named(case.body, names, 0.8)
        # What is generated for it is no id, or one that was used for something else.
        case.headers.pop("Idempotency-Key", None)
        for name in case.path_parameters:
            if (label, name) != (SEND, "command"):
                case.path_parameters[name] = self.name(names, name, case.path_parameters[name])
        if "account" in case.path_parameters:
            case.path_parameters["account"] = account
        for name in list(case.query):
            known = self.name(names, name, None)
            # What can only be generated goes half of the time, else next to everything is refused for it.
            if known is not None and (name != "cursor" or self.chance.random() < 0.3):
                case.query[name] = known
            elif self.chance.random() < 0.5:
                del case.query[name]

    def name(self, names, member, otherwise):
        known = names.get(ALSO.get(member, member)) or names.get(member)
        return self.chance.choice(known) if known else otherwise

    def be_a_command(self, case, names):
        kind = self.kind_of(case.body)
        ready = self.chance.random() < 0.4
        if ready:
            case.body = dict(self.chance.choice(READY))
            kind = case.body.pop("type")
        case.path_parameters["command"] = kind
        if ready:
            case.body = self.named(case.body, names, 0.4)
        elif isinstance(case.body, dict):
            for member in [it for it in case.body if it not in self.needed[kind]]:
                if self.chance.random() < 0.5:
                    del case.body[member]
            case.body = self.named(case.body, names, 0.8)

    def kind_of(self, body):
        """A type that the document is of as far as its shape says; else any."""
        fit = [it for it in self.commands if isinstance(body, dict) and self.schemas[it].is_valid(body)]
        return self.chance.choice(fit or self.commands)

    def named(self, value, names, share):
        """The same with names in it that there are."""
        if isinstance(value, list):
            return [self.named(it, names, share) for it in value]
        if not isinstance(value, dict):
            return value
        changed = {}
        for member, it in value.items():
            if isinstance(it, (str, int)) and member in (*names, *ALSO) and self.chance.random() < share:
                it = self.name(names, member, it) if member not in ("type", "command", "name") else it
            elif isinstance(it, list) and member == "assignments" and self.chance.random() < share:
                it = [self.name(names, member, known) for known in it]
            changed[member] = self.named(it, names, share)
        return changed

    def keep(self, body):
        if isinstance(body, dict):
            kind = self.kind_of(body)
            account = self.chance.choice(self.ledger.accounts)
            names = self.ledger.names[account]
            self.lines = [*self.lines[1 - KEPT :], {**self.named(body, names, 0.5), "account": account, "type": kind}]

    def some_lines(self):
        ready = self.lines + COMMANDS
        lines = [json.dumps(self.chance.choice(ready)) for _ in range(self.chance.randint(1, LINES_MAX))]
        junk = self.chance.choice(["", "", "", "{", "[]", '{"account":"acme"}', "\u0000"])
        return "\n".join([*lines, junk, ""])

    def bound_the_tail(self, case):
        """A tail from the end of the log says nothing for long: all but a few begin early."""
        after, seen = case.query.get("after"), case.headers.get("Last-Event-ID")
        if not all(it is None or PLACE.fullmatch(str(it)) for it in (after, seen)):
            return
        if any(it is not None and int(str(it).split("/")[0]) < self.ledger.sequence for it in (after, seen)):
            return
        self.silent += 1
        if self.silent > SILENT_MAX:
            case.headers.pop("Last-Event-ID", None)
            case.query["after"] = self.chance.randrange(self.ledger.sequence)

    def bound_the_wait(self, case):
        asked = str(case.query.get("min_sequence", ""))
        if asked.isdecimal() and int(asked) > self.ledger.sequence:
            self.waits += 1
            if self.waits > WAITS_MAX:
                case.query["min_sequence"] = self.chance.randint(0, self.ledger.sequence)


def bound_the_clock(case, chance):
    if not isinstance(case.body, dict):
        return
    to, forward = case.body.get("to"), case.body.get("forward")
    if isinstance(to, str) and MOMENT.match(to):
        # A year that is far away becomes one that is over.
        latest = datetime.now(UTC) + FORWARD_MAX
        case.body["to"] = latest.isoformat() if chance.random() < 0.5 else "2020" + to[4:]
    if isinstance(forward, str) and (SPAN.match(forward) or chance.random() < 0.7):
        case.body["forward"] = chance.choice(FORWARD)
