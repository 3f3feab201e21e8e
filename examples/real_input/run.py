#!/usr/bin/env python3
"""Sends commands.jsonl over NATS, then prints counts, checks and history, and compares them with
what they must be.

    pip install -r examples/python/requirements.txt
    python3 examples/real_input/run.py

Run it again: the ids are fixed, so nothing happens twice and the figures stay.
Finds the ledger through .seatledger/ready.json (another place: --dir). Ends with 1 when a figure
is not what it must be.
"""

import argparse
import asyncio
import json
import pathlib
import sys
import urllib.parse
import urllib.request

import nats
from nats.errors import NoRespondersError, NoServersError, TimeoutError

COMMANDS = pathlib.Path(__file__).with_name("commands.jsonl")

# Account, license, quantity, used.
COUNTS = [
    ("song_one", "RPADEVNU", 10, 3),
    ("song_one", "ATTUNU", 5, 3),
    ("song_one", "TSTNU", 3, 3),
    ("course-buyer", "672d82ad1adbd4482345c9d8@66479aa5905bfd0cb5377619", 2, 2),
    ("platform1", "user-license-150", 150, 0),
]

# Account, and the types of its events, counted.
HISTORY = [
    ("song_one", {"LicenseAllocated": 3, "SeatAssigned": 9}),
    ("course-buyer", {"LicenseAllocated": 1, "SeatAssigned": 2}),
    ("platform1", {
        "LicenseAllocated": 1, "LicenseStarted": 1, "SeatAssigned": 1, "AssignmentRevoked": 1,
    }),
]


def must_be(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found}, but it must be {wanted}")


def nobody(place):
    sys.exit(f"no ledger answers at {place}: start one with `cargo run -- dev`")


async def connect(ready):
    async def noted(_):
        """What goes wrong with the connection is told by whoever waits for it."""

    who = {"user": ready["nats_user"], "password": ready["nats_password"]}
    options = {**who, "max_reconnect_attempts": 3, "error_cb": noted}
    try:
        return await nats.connect(ready["nats"], **options)
    except (NoServersError, OSError):
        nobody(ready["nats"])


async def send(ready, commands):
    """Sends the commands in order; gives back their answers by id."""
    nc = await connect(ready)
    answers = {}
    for command in commands:
        subject = f"seatledger.command.{command['account']}.{command['type']}"
        try:
            reply = await nc.request(subject, json.dumps(command).encode(), timeout=12)
        except (NoRespondersError, TimeoutError):
            nobody(ready["nats"])
        answer = answers[command["id"]] = json.loads(reply.data)
        must_be(f"{command['id']} {answer.get('detail', '')}", answer["outcome"], "accepted")
        # Times have milliseconds. Apart by more than one, a time names one command below.
        await asyncio.sleep(0.005)
    await nc.close()
    return answers


def ask(ready, path, **parameters):
    """Asks over HTTP."""
    url = f"{ready['http']}/v1/accounts/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def counts(ready, sequence):
    print("\naccount       license                        quantity  used  available")
    for account, license, quantity, used in COUNTS:
        path = f"{account}/licenses/{urllib.parse.quote(license)}"
        it = ask(ready, path, min_sequence=sequence)
        figures = it["quantity"], it["used"], it["available"]
        shown = license if len(license) < 30 else license[:26] + "..."
        print(f"{account:13} {shown:30} {figures[0]:8} {figures[1]:5} {figures[2]:10}")
        must_be(license, figures, (quantity, used, quantity - used))


def checks(ready, answers, sequence):
    print("\ncheck                                                         answer")

    def check(account, wanted, when="now", **question):
        at = {} if when == "now" else {"at": when}
        it = ask(ready, f"{account}/checks", min_sequence=sequence, **question, **at)
        asked = f"{' '.join(question.values())}, {when}"
        print(f"{asked:61} {'yes' if it['allowed'] else 'no'}, {it['code']}")
        must_be(asked, it["allowed"], wanted)

    for user in ("singer-77", "singer-88", "singer-111"):
        for product in ("RPADEVNU", "ATTUNU", "TSTNU"):
            check("song_one", True, user=user, product=product)
    check("song_one", False, user="singer-999", product="RPADEVNU")
    course = "course:672d82ad1adbd4482345c9d8"
    check("course-buyer", True, user="66d0233c1681058994bce488", product=course)
    check("course-buyer", True, user="66aee615cb8241i23nfsdfkj", product=course)

    # By e-mail: before she was assigned, while she was, and since it was removed. The past is named
    # by the sequence of a receipt, or by a time.
    assigned, removed = answers["real-10"]["sequence"], answers["real-11"]["sequence"]
    her = {"email": "user@example.com", "license": "user-license-150"}
    check("platform1", False, when=assigned - 1, **her)
    check("platform1", True, when=assigned, **her)
    check("platform1", True, when=time_of(ready, "SeatAssigned"), **her)
    check("platform1", False, when=removed, **her)
    check("platform1", False, **her)


def time_of(ready, type):
    """When the only event of a type happened."""
    return ask(ready, "platform1/history", type=type)["items"][0]["at"]


def history(ready, sequence):
    print("\nsequence  type               license                         holder")
    for account, wanted in HISTORY:
        items = ask(ready, f"{account}/history", min_sequence=sequence, limit=1000)["items"]
        found = {}
        for it in items:
            found[it["type"]] = found.get(it["type"], 0) + 1
            place = f"{it['sequence']}/{it['index']}"
            holder = it.get("holder", {})
            who = holder.get("user") or holder.get("email") or ""
            print(f"{place:9} {it['type']:18} {it['license'][:30]:31} {who}")
        must_be(f"history of {account}", found, wanted)


def main():
    arguments = argparse.ArgumentParser(description="Sends commands.jsonl, see the file's head.")
    arguments.add_argument("--dir", default=".seatledger", type=pathlib.Path)
    path = arguments.parse_args().dir / "ready.json"
    if not path.exists():
        sys.exit(f"{path} is not there: start a ledger with `cargo run -- dev`, or give --dir")
    ready = json.loads(path.read_text())

    commands = [json.loads(line) for line in COMMANDS.read_text().splitlines()]
    answers = asyncio.run(send(ready, commands))
    again = sum(answer["replayed"] for answer in answers.values())
    print(f"{len(answers)} commands accepted, {again} of them before this run")

    sequence = max(answer["sequence"] for answer in answers.values())
    counts(ready, sequence)
    checks(ready, answers, sequence)
    history(ready, sequence)
    print("\nall figures are what they must be")


if __name__ == "__main__":
    main()
