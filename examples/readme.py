#!/usr/bin/env python3
"""Runs the examples of README.md against a running ledger, so that they stay true.

A shell block under `<!-- ci: TEXT -->` is run as it stands, and TEXT must stand in what it prints.
Where the ledger under test is elsewhere, its address, directory and program take the place of the
README's.
"""

import argparse
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"<!-- ci: (?P<wanted>.+?) -->\n```sh\n(?P<script>.+?)```", re.DOTALL)
README = pathlib.Path(__file__).parent.parent / "README.md"

parser = argparse.ArgumentParser(description="Runs the examples of README.md.")
parser.add_argument("--http", default="http://127.0.0.1:8640")
parser.add_argument("--dir", default=".seatledger")
parser.add_argument("--bin", default="target/debug/seatledger")
arguments = parser.parse_args()

blocks = list(BLOCK.finditer(README.read_text()))
if not blocks:
    sys.exit("README.md has no examples")
for block in blocks:
    script = block["script"].replace("http://127.0.0.1:8640", arguments.http)
    script = script.replace(".seatledger/key", f"{arguments.dir}/key")
    script = script.replace("target/debug/seatledger", f"{arguments.bin} --dir {arguments.dir}")
    print(f"$ {script.rstrip()}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    print(done.stdout)
    if block["wanted"] not in done.stdout:
        # Shown only here: where all is well it is curl's progress.
        print(done.stderr, file=sys.stderr)
        sys.exit(f"not as the README says: {block['wanted']} is missing")
print(f"{len(blocks)} examples are as the README says")
