// A producer in Node: sends commands to a running ledger over NATS, by ask and by post.
//
//   (cd examples/node && npm install)
//   node examples/node/producer.mjs
//
// It finds the ledger that `cargo run -- dev` runs through .seatledger/ready.json (another place:
// --dir). Where NATS_URL is set, it, NATS_USER and NATS_PASSWORD say which server to use instead.
// Ends with 1 when an answer is not what it must be.

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { jetstream } from "@nats-io/jetstream";
import { connect, errors } from "@nats-io/transport-node";

const ACCOUNT = "studio-node";
const PATIENCE = 10_000; // milliseconds, for one answer
const TRIES = 5;

/** Ends with a line instead of a stack. */
function end(why) {
  console.error(why);
  process.exit(1);
}

/** Where the ledger's NATS server is, and who to be there. */
function server() {
  const { values } = parseArgs({ options: { dir: { type: "string", default: ".seatledger" } } });
  if (process.env.NATS_URL) {
    const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = process.env;
    return { servers, user, pass };
  }
  const path = join(values.dir, "ready.json");
  if (!existsSync(path)) {
    end(`${path} is not there: start a ledger with \`cargo run -- dev\`, or give --dir`);
  }
  const ready = JSON.parse(readFileSync(path, "utf8"));
  return { servers: ready.nats, user: ready.nats_user, pass: ready.nats_password };
}

/** Sends a command and waits for its outcome. What is answered as accepted is durable. */
async function ask(command, document) {
  const subject = `seatledger.command.${ACCOUNT}.${command}`;
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      const reply = await nc.request(subject, JSON.stringify(document), { timeout: PATIENCE });
      const answer = reply.json();
      if (answer.status !== 503) return answer; // 503: not now, nothing is decided
    } catch (error) {
      const lost = error instanceof errors.TimeoutError || error instanceof errors.RequestError;
      if (!lost) throw error;
      // Nobody listens, or the answer was lost and the command may have been accepted. Either way
      // the same id makes it happen at most once.
    }
    await sleep(1000);
  }
  end("the ledger does not answer; is it running?");
}

/**
 * Leaves a command on the ledger's durable queue, where it waits even while the ledger is down.
 * Here the outcome is waited for; a producer that has no use for it need not.
 */
async function post(command, document) {
  // Subscribe first: the outcome may be there before the queue's acknowledgement is.
  const outcomes = nc.subscribe(`seatledger.outcome.${ACCOUNT}.${document.id}`, { max: 1, timeout: PATIENCE });
  await jetstream(nc).publish(`seatledger.post.${ACCOUNT}.${command}`, JSON.stringify(document));
  for await (const outcome of outcomes) return outcome.json();
}

/** One line an outcome. */
function show(door, command, answer) {
  const said = answer.outcome === "accepted"
    ? `sequence ${answer.sequence}${answer.replayed ? "  as before" : ""}  ` +
      answer.events.map((event) => event.type).join(", ")
    : `${answer.code}: ${answer.detail}`;
  console.log(`${door.padEnd(5)} ${command.padEnd(17)} ${answer.outcome.padEnd(9)} ${said}`);
}

function must(holds, what) {
  if (!holds) throw new Error(`not as it must be: ${what}`);
}

const found = server();
const nc = await connect({ ...found, name: "producer.mjs", maxReconnectAttempts: 3 }).catch(() =>
  end(`no ledger answers at ${found.servers}: start one with \`cargo run -- dev\``)
);
try {
  const license = `suite-${randomUUID().slice(0, 8)}`; // a new one for each run
  // A command's id. Make it once, where the intent arises, and keep it with the intent: it is what
  // makes sending again safe.
  const command = (fields) => ({ id: randomUUID(), license, ...fields });

  let answer = await ask("AllocateLicense", command({ product: "SUITE", quantity: 2 }));
  show("ask", "AllocateLicense", answer);
  must(answer.outcome === "accepted", "a new license is allocated");

  // All holders of one command get their seat, or none does.
  const holders = [{ user: "ada" }, { email: "bo@example.com" }];
  const assign = command({ holders, actor: "producer.mjs" });
  const first = await ask("AssignSeat", assign);
  show("ask", "AssignSeat", first);
  must(first.events?.length === 2, "two seats are assigned");

  // The same id and content again: the first outcome again, and nothing happens twice.
  const again = await ask("AssignSeat", assign);
  show("ask", "AssignSeat", again);
  must(again.replayed && again.sequence === first.sequence, "a repeat is recognised");

  // Refused: the code is for programs, the detail for people.
  const third = command({ holders: [{ user: "cy" }] });
  answer = await ask("AssignSeat", third);
  show("ask", "AssignSeat", answer);
  must(answer.code === "no_free_seat", "there is no third seat");

  // Not a command at all: told where, and what was probably meant.
  answer = await ask("AssignSeat", command({ holder: [{ user: "cy" }] }));
  show("ask", "AssignSeat", answer);
  must(["unknown_field", "missing_field"].includes(answer.code), "a typo is found");

  // Two posts may be judged in any order. Where the order matters, wait for the outcome between.
  answer = await post("RevokeAssignment", command({ holders: [{ user: "ada" }], reason: "left" }));
  show("post", "RevokeAssignment", answer);
  must(answer.outcome === "accepted", "the seat is given back");

  // A refused command was not recorded under its id: sent again, it is judged again.
  answer = await post("AssignSeat", third);
  show("post", "AssignSeat", answer);
  must(answer.outcome === "accepted", "the free seat is assigned");

  answer = await post("AssignSeat", command({ holders: [{ user: "di" }] }));
  show("post", "AssignSeat", answer);
  must(answer.code === "no_free_seat", "a post is refused like anything else");
} finally {
  await nc.close();
}
