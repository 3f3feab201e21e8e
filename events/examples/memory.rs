//! What a live seat costs in memory, and how fast the rules and the bytes are, on one thread.
//!
//! `cargo run --release -p events --example memory`

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "an example may stop at what it did not expect")]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use events::command::{AllocateLicense, AssignSeat, Quantity};
use events::request::{Address, ContentHash};
use events::wire::{self, CommandRef, CommitHash, Header, Record};
use events::{
    AccountId, Actor, By, Command, CommandId, Email, Event, Holder, Ledger, LicenseId, Moment,
    ProductId, Request, UserId, Via,
};
use uuid::Uuid;

const ACCOUNTS: usize = 100;
const LICENSES: usize = 1_000;
const SEATS: usize = 1_000_000;

fn main() {
    let parts: [(&str, fn()); 6] = [
        ("user ids of 9 characters", || memory(|it| Holder::user(user(format!("u-{it:07}"))))),
        ("user ids of 36 characters", || memory(|it| Holder::user(user(uuid(it))))),
        ("user ids of 36 characters, e-mail addresses of 24", || {
            memory(|it| Holder {
                email: Some(Email::new(&format!("user-{it:07}@example.com")).unwrap()),
                ..Holder::user(user(uuid(it)))
            });
        }),
        ("judging", judging),
        ("reading", reading),
        ("writing", writing),
    ];
    match std::env::args().nth(1) {
        Some(wanted) => parts.iter().filter(|(name, _)| *name == wanted).for_each(|it| it.1()),
        // Each in a process of its own: what one gives back, the next would be given for nothing.
        None => parts.iter().for_each(|(name, _)| {
            println!("{name}");
            let mut part = std::process::Command::new(std::env::current_exe().unwrap());
            assert!(part.arg(name).status().unwrap().success());
        }),
    }
}

fn uuid(number: usize) -> String {
    Uuid::from_u128(number as u128).to_string()
}

fn user(name: String) -> UserId {
    UserId::new(name).unwrap()
}

fn account(number: usize) -> AccountId {
    AccountId::new(format!("account-{number:03}")).unwrap()
}

fn license(number: usize) -> LicenseId {
    LicenseId::new(format!("license-{number:04}")).unwrap()
}

fn now() -> Moment {
    Moment::parse("2026-05-03T09:00:00Z").unwrap()
}

fn request(account: AccountId, command: Command) -> Request {
    Request {
        id: CommandId::new("c-1").unwrap(),
        account,
        actor: Actor::new("somebody").unwrap(),
        by: By::nats_command(),
        via: Via::Nats,
        change: Default::default(),
        dry_run: false,
        command,
        hash: ContentHash([7; 16]),
    }
}

fn allocate(number: usize) -> Request {
    let command = Command::AllocateLicense(AllocateLicense {
        license: license(number),
        product: ProductId::new("CREATIVE").unwrap(),
        quantity: Quantity::new((SEATS / LICENSES) as i64).unwrap(),
        container: None,
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: None,
        source: None,
        metadata: None,
    });
    request(account(number % ACCOUNTS), command)
}

fn assign(seat: usize, holder: Holder) -> Request {
    let number = seat % LICENSES;
    let command = Command::AssignSeat(AssignSeat {
        license: Some(license(number)),
        product: None,
        container: None,
        holders: vec![holder],
        active: true,
        fulfilled: false,
        redirect_to: None,
        metadata: None,
        wait: false,
        ends_at: None,
    });
    request(account(number % ACCOUNTS), command)
}

/// A ledger of licenses without a seat held.
fn licenses() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.begin();
    for number in 0..LICENSES {
        ledger.judge(&allocate(number), now(), number as u128).unwrap();
    }
    ledger.settle();
    ledger
}

/// Bytes of this process that stand in memory, as Linux counts them.
fn resident() -> Option<usize> {
    const PAGE: usize = 4096;
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * PAGE)
}

fn memory(holder: impl Fn(usize) -> Holder) {
    let mut ledger = licenses();
    let before = resident();
    for seat in 0..SEATS {
        let asked = assign(seat, holder(seat));
        ledger.begin();
        ledger.judge(&asked, now(), (seat as u128) << 8).unwrap();
        ledger.settle();
    }
    match (before, resident()) {
        (Some(before), Some(after)) => {
            let bytes = after.saturating_sub(before) / SEATS;
            println!("  {bytes} bytes a live seat ({SEATS} seats)");
        }
        _ => println!("  this system does not say"),
    }
    drop(black_box(ledger));
}

fn rate(named: &str, count: usize, time: Duration) {
    let rate = count as f64 / time.as_secs_f64();
    println!("  {named}: {rate:.0} a second, {:.2} µs each", 1e6 / rate);
}

/// Judges and takes note, a thousand commands a commit.
fn judging() {
    let holder = |seat| Holder::user(user(uuid(seat)));
    let asked: Vec<_> = (0..SEATS).map(|seat| assign(seat, holder(seat))).collect();
    let mut ledger = licenses();
    let start = Instant::now();
    for (place, commands) in asked.chunks(1_000).enumerate() {
        ledger.begin();
        for (command, seed) in commands.iter().zip(0_u128..) {
            let seed = (place as u128) << 32 | seed << 8;
            black_box(ledger.judge(command, now(), seed).unwrap());
        }
        ledger.check().unwrap();
        ledger.settle();
    }
    rate("AssignSeat judged and taken note of", SEATS, start.elapsed());
}

const DOCUMENT: &str = r#"{"id":"019ded10-e280-7000-8000-0000f0000001","license":"creative",
    "holders":[{"user":"ada","email":"ada@example.com"}],"actor":"hr@example.com",
    "reason":"joined the design team"}"#;

fn reading() {
    let count = 300_000;
    let address = Address { account: "acme", kind: "AssignSeat", key: None, via: Via::Nats };
    let start = Instant::now();
    for _ in 0..count {
        let request =
            Request::read(&address, By::local(), black_box(DOCUMENT).as_bytes(), || unreachable!());
        black_box(request.unwrap());
    }
    rate("AssignSeat documents read", count, start.elapsed());
}

fn writing() {
    let (commits, count) = (300, 1_000);
    let records = records(count);
    let start = Instant::now();
    let mut lines = vec![];
    for _ in 0..commits {
        lines.clear();
        records.iter().for_each(|it| it.write(&mut lines));
        black_box(&lines);
    }
    rate("SeatAssigned lines written", commits * count, start.elapsed());
    println!("  a line has {} bytes", lines.len() / count);
    let header = Header {
        format: wire::FORMAT,
        commit: Uuid::nil(),
        partition: 0,
        n: 1,
        prev: CommitHash::NONE,
        count,
        at: now(),
        void: None,
    };
    let payload = wire::encode(&header, &lines);
    let start = Instant::now();
    for _ in 0..commits {
        black_box(wire::decode(1, &payload).unwrap());
    }
    rate("SeatAssigned lines read, hash included", commits * count, start.elapsed());
    let start = Instant::now();
    for _ in 0..commits {
        black_box(CommitHash::of(&payload));
    }
    rate("of it the hash", commits * count, start.elapsed());
}

fn records(count: usize) -> Vec<Record> {
    let address = Address { account: "acme", kind: "AssignSeat", key: None, via: Via::Nats };
    let asked =
        Request::read(&address, By::local(), DOCUMENT.as_bytes(), || unreachable!()).unwrap();
    let mut ledger = Ledger::default();
    ledger.begin();
    let mut first = allocate(0);
    first.account = asked.account.clone();
    if let Command::AllocateLicense(it) = &mut first.command {
        it.license = LicenseId::new("creative").unwrap();
    }
    ledger.judge(&first, now(), 0).unwrap();
    let event: Event = ledger.judge(&asked, now(), 1 << 40).unwrap().remove(0);
    let record = |place| Record {
        id: Uuid::from_u128(place as u128),
        at: now(),
        account: asked.account.clone(),
        command: CommandRef { id: asked.id.clone(), hash: asked.hash },
        actor: asked.actor.clone(),
        by: asked.by.clone(),
        via: asked.via,
        change: asked.change.clone(),
        event: event.clone(),
    };
    (0..count).map(record).collect()
}
