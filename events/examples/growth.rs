//! Whether judging a command costs more the more seats are held: of one license, by one group.
//!
//! `cargo run --release -p events --example growth`

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "an example may stop at what it did not expect")]

use std::time::Instant;

use events::request::Address;
use events::{CommandId, Ledger, Moment, Request, Via};
use serde_json::{Value, json};

/// Seats that are held by name, and as many members of a group that have one from it.
const SIZES: [usize; 3] = [100, 10_000, 1_000_000];

/// Commands of each type, in commits of [`COMMANDS`].
const COMMITS: usize = 200;
const COMMANDS: usize = 50;

/// Holders in one command while the world is made.
const HOLDERS: usize = 1_000;

fn main() {
    println!("microseconds a command, its share of the commit included");
    println!("| seats held | {} |", KINDS.map(|it| it.0).join(" | "));
    println!("|---|{}", "---|".repeat(KINDS.len()));
    for size in SIZES {
        let mut world = World::of(size);
        let cells = KINDS.map(|(_, ask)| format!("{:.2}", world.cost(ask)));
        println!("| {size} | {} |", cells.join(" | "));
    }
}

/// What is asked the `n`th time. What one takes the next one gives back, so the size stays.
type Asks = fn(usize) -> (&'static str, Value);

const KINDS: [(&str, Asks); 6] = [
    ("assign, revoke", |n| {
        let kind = if n.is_multiple_of(2) { "AssignSeat" } else { "RevokeAssignment" };
        (kind, json!({"license": "direct", "holders": [{"user": format!("new-{}", n / 2)}]}))
    }),
    ("assign by product, revoke", |n| {
        let holders = json!([{"user": format!("by-{}", n / 2)}]);
        match n.is_multiple_of(2) {
            true => ("AssignSeat", json!({"product": "D", "holders": holders})),
            false => ("RevokeAssignment", json!({"license": "direct", "holders": holders})),
        }
    }),
    ("change an assignment", |n| {
        let fulfilled = n.is_multiple_of(2);
        let holder = json!({"user": "u0"});
        ("ChangeAssignment", json!({"license": "direct", "holder": holder, "fulfilled": fulfilled}))
    }),
    ("change the quantity", |n| {
        ("ChangeLicense", json!({"license": "direct", "quantity": 900_000_000 + n % 2}))
    }),
    ("member in, out", |n| {
        let kind = if n.is_multiple_of(2) { "AddMembers" } else { "RemoveMembers" };
        (kind, json!({"group": "g", "holders": [{"user": format!("in-{}", n / 2)}]}))
    }),
    ("direct set, cleared", |n| {
        let holders = json!([{"user": format!("set-{}", n / 2)}]);
        match n.is_multiple_of(2) {
            true => ("DeclareDirectSet", json!({"holders": holders, "products": ["D"]})),
            false => ("DeclareDirectSet", json!({"holders": holders, "products": []})),
        }
    }),
];

struct World {
    ledger: Ledger,
    asked: u64,
    judged: u128,
}

impl World {
    fn of(size: usize) -> World {
        let mut world = World { ledger: Ledger::default(), asked: 0, judged: 0 };
        for (license, product) in [("direct", "D"), ("group", "G")] {
            let quantity = 900_000_000;
            let license = json!({"license": license, "product": product, "quantity": quantity});
            world.commit([("AllocateLicense", license)]);
        }
        let grant = json!({"product": "G", "mode": "first_come"});
        world.commit([("SetGroupRule", json!({"group": "g", "grants": [grant]}))]);
        for first in (0..size).step_by(HOLDERS) {
            let names = first..size.min(first + HOLDERS);
            let holders: Value = names.map(|it| json!({"user": format!("u{it}")})).collect();
            world.commit([
                ("AssignSeat", json!({"license": "direct", "holders": holders})),
                ("AddMembers", json!({"group": "g", "holders": holders})),
            ]);
        }
        world
    }

    fn commit<const N: usize>(&mut self, asks: [(&'static str, Value); N]) {
        let asks = asks.map(|it| self.request(it));
        self.judge(&asks);
    }

    fn request(&mut self, (kind, document): (&'static str, Value)) -> Request {
        self.asked += 1;
        let address = Address { account: "acme", kind, key: None, via: Via::Nats };
        let id = CommandId::new(format!("c-{}", self.asked)).unwrap();
        Request::read(&address, document.to_string().as_bytes(), || id).unwrap()
    }

    fn judge(&mut self, asks: &[Request]) {
        let now = Moment::parse("2026-05-03T09:00:00Z").unwrap();
        self.ledger.begin();
        for request in asks {
            self.judged += 1;
            self.ledger.judge(request, now, self.judged << 32).unwrap();
        }
        self.ledger.check().unwrap();
        self.ledger.settle();
    }

    /// Microseconds a command.
    fn cost(&mut self, ask: Asks) -> f64 {
        let mut taken = 0.0;
        for commit in 0..COMMITS {
            let numbers = (0..COMMANDS).map(|it| commit * COMMANDS + it);
            let asks: Vec<Request> = numbers.map(|it| self.request(ask(it))).collect();
            let begin = Instant::now();
            self.judge(&asks);
            taken += begin.elapsed().as_secs_f64();
        }
        taken * 1e6 / (COMMITS * COMMANDS) as f64
    }
}
