#!/usr/bin/env python3
"""A producer in Python: sends commands to a running ledger over NATS, by ask and by post.

    pip install -r examples/python/requirements.txt
    python3 examples/python/producer.py

It finds the ledger that `cargo run -- dev` runs through .seatledger/ready.json (another place:
--dir). Where NATS_URL is set, it, NATS_USER and NATS_PASSWORD say which server to use instead.
Ends with 1 when an answer is not what it must be.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys
import uuid

import nats
from nats.errors import NoRespondersError, NoServersError, TimeoutError

ACCOUNT = "studio-python"
PATIENCE = 10  # seconds, for one answer
TRIES = 5


def new_id():
    """A command's id. Make it once, where the intent arises, and keep it with the intent: it is
    what makes sending again safe."""
    return str(uuid.uuid4())


async def ask(nc, command, document):
    """Sends a command and waits for its outcome. What is answered as accepted is durable."""
    subject = f"seatledger.command.{ACCOUNT}.{command}"
    for _ in range(TRIES):
        try:
            reply = await nc.request(subject, json.dumps(document).encode(), timeout=PATIENCE)
        except (TimeoutError, NoRespondersError):
            # Nobody listens, or the answer was lost and the command may have been accepted. Either
            # way the same id makes it happen at most once.
            await asyncio.sleep(1)
            continue
        answer = json.loads(reply.data)
        if answer.get("status") != 503:  # 503: not now, nothing is decided
            return answer
        await asyncio.sleep(answer.get("retry_after", 1))
    sys.exit("the ledger does not answer; is it running?")


async def post(nc, command, document):
    """Leaves a command on the ledger's durable queue, where it waits even while the ledger is
    down. Here the outcome is waited for; a producer that has no use for it need not."""
    # Subscribe first: the outcome may be there before the queue's acknowledgement is.
    outcome = await nc.subscribe(f"seatledger.outcome.{ACCOUNT}.{document['id']}")
    subject = f"seatledger.post.{ACCOUNT}.{command}"
    await nc.jetstream().publish(subject, json.dumps(document).encode())
    message = await outcome.next_msg(timeout=PATIENCE)
    await outcome.unsubscribe()
    return json.loads(message.data)


def show(door, command, answer):
    """One line an outcome."""
    if answer["outcome"] == "accepted":
        types = [event["type"] for event in answer["events"]]
        again = "  as before" if answer["replayed"] else ""
        said = f"sequence {answer['sequence']}{again}  {', '.join(types)}"
    else:
        said = f"{answer['code']}: {answer['detail']}"
    print(f"{door:5} {command:17} {answer['outcome']:9} {said}")


def must(holds, what):
    if not holds:
        sys.exit(f"not as it must be: {what}")


async def connect(url, user, password):
    async def noted(_):
        """What goes wrong with the connection is told by whoever waits for it."""

    options = {"user": user, "password": password, "name": "producer.py", "error_cb": noted}
    try:
        # Give up on an unreachable server instead of trying for minutes.
        return await nats.connect(url, max_reconnect_attempts=3, **options)
    except (NoServersError, OSError):
        sys.exit(f"no ledger answers at {url}: start one with `cargo run -- dev`")


async def main(url, user, password):
    nc = await connect(url, user, password)
    license = f"suite-{uuid.uuid4().hex[:8]}"  # a new one for each run

    allocate = {"id": new_id(), "license": license, "product": "SUITE", "quantity": 2}
    answer = await ask(nc, "AllocateLicense", allocate)
    show("ask", "AllocateLicense", answer)
    must(answer["outcome"] == "accepted", "a new license is allocated")

    # All holders of one command get their seat, or none does.
    holders = [{"user": "ada"}, {"email": "bo@example.com"}]
    assign = {"id": new_id(), "license": license, "holders": holders, "actor": "producer.py"}
    first = await ask(nc, "AssignSeat", assign)
    show("ask", "AssignSeat", first)
    must(len(first["events"]) == 2, "two seats are assigned")

    # The same id and content again: the first outcome again, and nothing happens twice.
    again = await ask(nc, "AssignSeat", assign)
    show("ask", "AssignSeat", again)
    must(again["replayed"] and again["sequence"] == first["sequence"], "a repeat is recognised")

    # Refused: the code is for programs, the detail for people.
    third = {"id": new_id(), "license": license, "holders": [{"user": "cy"}]}
    answer = await ask(nc, "AssignSeat", third)
    show("ask", "AssignSeat", answer)
    must(answer.get("code") == "no_free_seat", "there is no third seat")

    # Not a command at all: told where, and what was probably meant.
    typo = {"id": new_id(), "license": license, "holder": [{"user": "cy"}]}
    answer = await ask(nc, "AssignSeat", typo)
    show("ask", "AssignSeat", answer)
    must(answer.get("code") in ("unknown_field", "missing_field"), "a typo is found")

    # Two posts may be judged in any order. Where the order matters, wait for the outcome between.
    revoke = {"id": new_id(), "license": license, "holders": [{"user": "ada"}], "reason": "left"}
    answer = await post(nc, "RevokeAssignment", revoke)
    show("post", "RevokeAssignment", answer)
    must(answer["outcome"] == "accepted", "the seat is given back")

    # A refused command was not recorded under its id: sent again, it is judged again.
    answer = await post(nc, "AssignSeat", third)
    show("post", "AssignSeat", answer)
    must(answer["outcome"] == "accepted", "the free seat is assigned")

    fourth = {"id": new_id(), "license": license, "holders": [{"user": "di"}]}
    answer = await post(nc, "AssignSeat", fourth)
    show("post", "AssignSeat", answer)
    must(answer.get("code") == "no_free_seat", "a post is refused like anything else")

    await nc.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A producer in Python, see the file's head.")
    arguments.add_argument("--dir", default=".seatledger", type=pathlib.Path)
    ready = arguments.parse_args().dir / "ready.json"
    if "NATS_URL" in os.environ:
        names = "NATS_URL", "NATS_USER", "NATS_PASSWORD"
        server = [os.environ.get(name) for name in names]
    elif ready.exists():
        found = json.loads(ready.read_text())
        server = found["nats"], found["nats_user"], found["nats_password"]
    else:
        sys.exit(f"{ready} is not there: start a ledger with `cargo run -- dev`, or give --dir")
    asyncio.run(main(*server))
