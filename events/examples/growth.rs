//! Whether judging a command costs more the more seats are held, of one license and by one group, and
//! the more containers a license is shared out to.
//!
//! `cargo run --release -p events --example growth`

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "an example may stop at what it did not expect")]

use std::time::Instant;

use events::request::Address;
use events::{By, CommandId, Ledger, Moment, Request, Via};
use serde_json::{Value, json};

/// Seats that are held by name, and as many members of a group that have one from it.
const SIZES: [usize; 3] = [100, 10_000, 1_000_000];

/// Containers that have a part of one license.
const CONTAINERS: [usize; 3] = [10, 1_000, 10_000];

/// Commands of each type, in commits of [`COMMANDS`].
const COMMITS: usize = 200;
const COMMANDS: usize = 50;

/// Holders in one command while the world is made.
const HOLDERS: usize = 1_000;

/// Containers in one command while the world is made.
const SHARED: usize = 100;

fn main() {
    println!("microseconds a command, its share of the commit included");
    table("seats held", &SEATS, SIZES, World::of_seats);
    table("containers", &PARTS, CONTAINERS, World::of_parts);
}

fn table(size: &str, kinds: &[Kind], sizes: [usize; 3], world: fn(usize) -> World) {
    let names: Vec<&str> = kinds.iter().map(|it| it.0).collect();
    println!("\n| {size} | {} |\n|---|{}", names.join(" | "), "---|".repeat(kinds.len()));
    for size in sizes {
        let mut world = world(size);
        let cells: Vec<String> =
            kinds.iter().map(|it| format!("{:.2}", world.cost(it.1))).collect();
        println!("| {size} | {} |", cells.join(" | "));
    }
}

/// What is asked the `n`th time. What one takes the next one gives back, so the size stays.
type Asks = fn(usize) -> (&'static str, Value);

/// What it is called, and how it is asked.
type Kind = (&'static str, Asks);

const SEATS: [Kind; 6] = [
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

const PARTS: [Kind; 4] = [
    ("assign by product, revoke", |n| {
        let holders = json!([{"user": format!("by-{}", n / 2)}]);
        match n.is_multiple_of(2) {
            true => ("AssignSeat", json!({"product": "S", "holders": holders})),
            false => ("RevokeAssignment", json!({"license": "shared", "holders": holders})),
        }
    }),
    ("in a container", |n| {
        let holders = json!([{"user": format!("in-{}", n / 2)}]);
        match n.is_multiple_of(2) {
            true => ("AssignSeat", json!({"product": "S", "container": "c7", "holders": holders})),
            false => ("RevokeAssignment", json!({"license": "shared@c7", "holders": holders})),
        }
    }),
    ("set a container", |n| {
        let all = json!([{"license": "shared", "quantity": 10 + n % 2}]);
        ("SetAllocations", json!({"allocations": [{"container": "c9", "quantities": all}]}))
    }),
    ("move between two", |n| {
        let (from, to) = if n.is_multiple_of(2) { ("c3", "c5") } else { ("c5", "c3") };
        let moves = json!([{"from": from, "to": to, "quantity": 1}]);
        ("MoveQuantity", json!({"license": "shared", "moves": moves}))
    }),
];

struct World {
    ledger: Ledger,
    asked: u64,
    judged: u128,
}

impl World {
    fn new() -> World {
        World { ledger: Ledger::default(), asked: 0, judged: 0 }
    }

    fn of_parts(size: usize) -> World {
        let mut world = World::new();
        let license = json!({"license": "shared", "product": "S", "quantity": 900_000_000});
        world.commit([("AllocateLicense", license)]);
        for first in (0..size).step_by(SHARED) {
            let part = |it| {
                let all = json!([{"license": "shared", "quantity": 10}]);
                json!({"container": format!("c{it}"), "quantities": all})
            };
            let all: Value = (first..size.min(first + SHARED)).map(part).collect();
            world.commit([("SetAllocations", json!({"allocations": all}))]);
        }
        world
    }

    fn of_seats(size: usize) -> World {
        let mut world = World::new();
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
        Request::read(&address, By::local(), document.to_string().as_bytes(), || id).unwrap()
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
