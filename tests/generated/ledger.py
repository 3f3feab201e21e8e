"""A ledger with something of everything, and what things are called in it."""

import hashlib
import json
import secrets
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

COMMANDS = [json.loads(it) for it in Path(__file__).with_name("commands.jsonl").read_text().splitlines()]
# What the keys may do that calls are made with, next to one that may do everything.
ROLES = ("reader", "auditor", "operator", "admin")
# Seconds until what follows from a command in another account has happened.
FOLLOWS = 10
# Lists of an account, and which names stand in their items.
LISTS = {
    "licenses": ("license", "product", "container", "external_id"),
    "assignments?ended=true": ("assignment", "number"),
    "holders": ("user", "email", "number"),
    "groups": ("group",),
    "containers": ("container",),
    "keys": ("key",),
    "schedules?state=all": ("schedule",),
    "history?limit=1000": ("command", "type", "actor"),
    "refusals": ("command", "code"),
}
# Lists that are longer than a page of one item.
LONG = ("licenses", "assignments", "holders", "groups", "containers", "history", "policies", "schedules", "waitlists")


class Ledger:
    """What calls can be about."""

    def __init__(self, http, key):
        self.http, self.key = http, key
        self.fill()
        self.keys = {role: self.make_key(role) for role in ROLES}
        status = self.ask("/v1/status")
        self.sequence = status["sequence"]
        self.models = [it["name"] for it in status["read_models"] if it["rebuilds"]]
        self.accounts = [it["account"] for it in self.ask(f"/v1/accounts?min_sequence={self.sequence}")["items"]]
        self.names = {it: self.names_of(it) for it in self.accounts}
        for it in self.names.values():
            # Nobody shall revoke a key that calls are made with.
            it["key"] = [key for key in it.get("key", []) if not any(key in made for made in self.keys.values())]

    def fill(self):
        lines = "".join(json.dumps(it) + "\n" for it in COMMANDS)
        for answer in self.ask("/v1/commands", lines).splitlines():
            answer = json.loads(answer)
            wanted = "refused" if answer["command"].startswith("refused-") else "accepted"
            assert answer["outcome"] == wanted, answer
        self.until("/v1/accounts/labs/licenses")
        self.send("labs", "AssignSeat", {"product": "CREATIVE", "holders": [{"user": "ada"}]})
        schedules = self.ask("/v1/accounts/acme/schedules?state=pending")["items"]
        self.send("acme", "CancelSchedule", {"schedule": schedules[-1]["schedule"]})

    def until(self, path):
        """Another account is told after the commit that gives it something."""
        end = time.monotonic() + FOLLOWS
        while True:
            try:
                if self.ask(path)["items"]:
                    return
            except urllib.error.HTTPError as error:
                assert error.code == 404, error
            assert time.monotonic() < end, f"{path}: still nothing"
            time.sleep(0.05)

    def make_key(self, role):
        """A key of acme alone."""
        public, secret = secrets.token_hex(8), secrets.token_bytes(32)
        document = {"key": public, "hash": hashlib.sha256(secret).hexdigest(), "role": role, "name": f"calls as {role}"}
        self.send("acme", "CreateKey", document)
        body = f"slk_{public}_{secret.hex()}"
        return f"{body}_{zlib.crc32(body.encode()):08x}"

    def names_of(self, account):
        found = {"account": self.accounts, "name": self.models}
        for path, members in LISTS.items():
            for item in self.ask(f"/v1/accounts/{account}/{path}")["items"]:
                # Of the account itself no container is said, and no user of an address.
                for member, value in ((it, item.get(it) or item.get("holder", {}).get(it)) for it in members):
                    if value is not None and value not in found.setdefault(member, []):
                        found[member].append(value)
        for path in LONG:
            more = self.ask(f"/v1/accounts/{account}/{path}?limit=1")["next"]
            found.setdefault("cursor", []).extend([more] if more else [])
        return found

    def send(self, account, kind, document):
        return self.ask(f"/v1/accounts/{account}/commands/{kind}", json.dumps(document))

    def ask(self, path, body=None):
        request = urllib.request.Request(
            self.http + path, body and body.encode(), {"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
            return json.loads(text) if answer.headers["Content-Type"] == "application/json" else text
