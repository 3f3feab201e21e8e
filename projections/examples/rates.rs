//! How fast the read models are written and checks are answered. Run it in release mode:
//!
//! `cargo run --release -p projections --example rates -- [events] [events a commit] [events a batch] [model]`
#![allow(clippy::wildcard_enum_match_arm, reason = "an example picks the events it is about")]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails has no one to tell")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use events::command::Quantity;
use events::event::{Assigned, Ground, LicenseAllocated, SeatAssigned};
use events::request::ContentHash;
use events::wire::{CommandRef, Commit, CommitHash, FORMAT, Header, Record};
use events::{
    AccountId, Actor, AssignmentId, By, Change, CommandId, Email, Event, Holder, LicenseId, Moment,
    ProductId, UserId, Via,
};
use projections::checks::{self, Question};
use projections::store::path;
use projections::{ALL, Readers, Store, commands};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::{Builder, Uuid};

const ACCOUNTS: usize = 100;
const LICENSES: usize = 10;
const BEGIN: i64 = 1_769_810_400_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        it ^ (it >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn id(&mut self, millis: i64) -> Uuid {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        Builder::from_unix_timestamp_millis(millis as u64, &bytes).into_uuid()
    }
}

/// Seats assigned to new users, and revoked again, three to one, over accounts and licenses at
/// random. One user in two has an address.
struct Source {
    random: Random,
    live: Vec<(AccountId, Assigned)>,
    number: u64,
    users: u64,
}

impl Source {
    fn event(&mut self, millis: i64) -> (AccountId, Event) {
        if self.random.below(4) == 0 && !self.live.is_empty() {
            let pick = self.random.below(self.live.len());
            let (account, it) = self.live.swap_remove(pick);
            return (account, Event::AssignmentRevoked(it));
        }
        self.number += 1;
        self.users += 1;
        let n = self.users;
        let account = account(self.random.below(ACCOUNTS));
        let email =
            n.is_multiple_of(2).then(|| Email::new(&format!("user-{n}@example.com")).unwrap());
        let it = SeatAssigned {
            assignment: AssignmentId(self.random.id(millis)),
            number: self.number,
            license: license(self.random.below(LICENSES)),
            holder: Holder { user: Some(user(n)), email },
            holder_number: None,
            grounds: vec![Ground::Direct],
            active: true,
            fulfilled: false,
            redirect_to: None,
            ends_at: None,
            metadata: None,
        };
        let (assignment, license, holder) = (it.assignment, it.license.clone(), it.holder.clone());
        self.live.push((account.clone(), Assigned { assignment, license, holder }));
        (account, Event::SeatAssigned(it))
    }
}

/// Users' names are in no order, as in life.
fn user(n: u64) -> UserId {
    UserId::new(format!("{:016x}", Random(n).next())).unwrap()
}

fn account(n: usize) -> AccountId {
    AccountId::new(format!("account-{n}")).unwrap()
}

fn license(n: usize) -> LicenseId {
    LicenseId::new(format!("license-{n}")).unwrap()
}

fn allocations() -> Vec<(AccountId, Event)> {
    let one = |n: usize| {
        let it = LicenseAllocated {
            license: license(n % LICENSES),
            number: 1_000_000_000 + n as u64,
            product: ProductId::new(format!("PRODUCT-{}", n % LICENSES)).unwrap(),
            quantity: Quantity::new(1_000_000).unwrap(),
            container: None,
            name: None,
            starts_at: None,
            ends_at: None,
            external_id: None,
            source: None,
            grace_days: None,
            parent: None,
            host: None,
            metadata: None,
        };
        (account(n / LICENSES), Event::LicenseAllocated(it))
    };
    (0..ACCOUNTS * LICENSES).map(one).collect()
}

fn history(events: usize, each: usize) -> Vec<Arc<Commit>> {
    let mut source = Source { random: Random(1), live: vec![], number: 0, users: 0 };
    let mut commits: Vec<Arc<Commit>> = vec![];
    let mut first = Some(allocations());
    let mut made = 0;
    while made < events {
        let millis = BEGIN + commits.len() as i64;
        let facts =
            first.take().unwrap_or_else(|| (0..each).map(|_| source.event(millis)).collect());
        made += facts.len();
        let at = Moment::from_millis(millis);
        let sequence = commits.len() as u64 + 1;
        let records: Vec<Record> = facts
            .into_iter()
            .map(|(account, event)| Record {
                id: source.random.id(millis),
                at,
                account,
                command: CommandRef {
                    id: CommandId::new(source.random.id(millis).to_string()).unwrap(),
                    hash: ContentHash([1; 16]),
                },
                actor: Actor::new("provisioning").unwrap(),
                by: By::nats_command(),
                via: Via::Nats,
                change: Change::default(),
                event,
            })
            .collect();
        let prev = commits.last().map_or(CommitHash::NONE, |it| it.hash);
        let (count, commit) = (records.len(), Uuid::from_u64_pair(sequence, 1));
        let header = Header {
            format: FORMAT,
            commit,
            partition: 0,
            n: sequence,
            prev,
            count,
            at,
            void: None,
        };
        let hash = CommitHash::of(&sequence.to_be_bytes());
        commits.push(Arc::new(Commit { sequence, hash, header, records }));
    }
    commits
}

/// Seconds on a processor, where Linux says so, and seconds on the wall.
struct Clock(f64, Instant);

impl Clock {
    fn start() -> Clock {
        Clock(Clock::busy(), Instant::now())
    }

    fn busy() -> f64 {
        let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        text.split(' ').next().and_then(|it| it.parse::<f64>().ok()).unwrap_or_default() / 1e9
    }

    fn seconds(&self) -> (f64, f64) {
        (Clock::busy() - self.0, self.1.elapsed().as_secs_f64())
    }

    /// How many of something a second, of both kinds.
    fn rates(&self, n: usize) -> String {
        let (busy, wall) = self.seconds();
        format!("{:8.0}/s of processor, {:8.0}/s of wall", n as f64 / busy, n as f64 / wall)
    }
}

fn main() {
    let only = std::env::args().nth(4);
    let given = std::env::args().skip(1).take(3);
    let given: Vec<usize> = given.map(|it| it.parse().unwrap()).collect();
    let given = |n: usize, otherwise| given.get(n).copied().unwrap_or(otherwise);
    let (events, each, batch) = (given(0, 1_000_000), given(1, 10), given(2, 4_096));
    let dir = std::env::temp_dir().join(format!("rates-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let commits = history(events, each);
    let events: usize = commits.iter().map(|it| it.records.len()).sum();
    println!("{events} events, {each} a commit, {batch} a batch");
    let all = Clock::start();
    for model in ALL.iter().filter(|it| only.as_ref().is_none_or(|only| it.name == only)) {
        let mut store = Store::open(&dir, model).unwrap();
        let clock = Clock::start();
        for batch in commits.chunks((batch / each).max(1)) {
            store.apply(batch).unwrap();
        }
        let rates = clock.rates(events);
        let size = std::fs::metadata(store.path()).unwrap().len() as f64 / events as f64;
        println!("{:12} {rates}, {size:4.0} bytes an event", model.name);
    }
    println!("{:12} {}", "one by one", all.rates(events));
    if only.is_none() {
        bare(&dir, events, batch);
    }
    if only.is_some() {
        return std::fs::remove_dir_all(&dir).unwrap();
    }
    check(&dir, &commits);
    find(&dir, &commits);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// The same rows once more, table by table in the order of the keys, into files with the same
/// tables and settings: what SQLite takes for it without anybody thinking.
fn bare(dir: &Path, events: usize, batch: usize) {
    let other = dir.join("bare");
    std::fs::create_dir_all(&other).unwrap();
    let (mut busy, mut wall) = (0.0, 0.0);
    for model in ALL {
        let full = Connection::open(path(dir, model)).unwrap();
        let empty = Store::open(&other, model).unwrap();
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'checkpoint'";
        let mut tables = full.prepare(tables).unwrap();
        let tables: Vec<String> =
            tables.query_map([], |row| row.get(0)).unwrap().flatten().collect();
        for table in tables {
            let mut select = full.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = select.column_count();
            let row = |row: &Row<'_>| (0..columns).map(|it| row.get(it)).collect();
            let rows: Vec<Vec<Value>> = select.query_map([], row).unwrap().flatten().collect();
            let places = vec!["?"; columns].join(",");
            let insert = format!("INSERT INTO {table} VALUES ({places})");
            let clock = Clock::start();
            for rows in rows.chunks(batch) {
                empty.db().execute_batch("BEGIN").unwrap();
                let mut insert = empty.db().prepare_cached(&insert).unwrap();
                for row in rows {
                    insert.execute(params_from_iter(row)).unwrap();
                }
                empty.db().execute_batch("COMMIT").unwrap();
            }
            let (more_busy, more_wall) = clock.seconds();
            (busy, wall) = (busy + more_busy, wall + more_wall);
        }
    }
    let rate = |it: f64| events as f64 / it;
    println!("{:12} {:8.0}/s of processor, {:8.0}/s of wall", "bare rows", rate(busy), rate(wall));
}

fn check(dir: &Path, commits: &[Arc<Commit>]) {
    let readers = Readers::new(&path(dir, &checks::MODEL), &checks::MODEL, 1);
    let assigned: Vec<_> = commits
        .iter()
        .rev()
        .flat_map(|it| &it.records)
        .filter_map(|it| match &it.event {
            Event::SeatAssigned(event) => Some((&it.account, event)),
            _ => None,
        })
        .collect();
    let now = Moment::from_millis(BEGIN);
    for (what, among) in [("few", 1_000), ("all", assigned.len())] {
        for by_license in [false, true] {
            let (mut allowed, mut asked) = (0, 0);
            let clock = Clock::start();
            let mut random = Random(2);
            while asked < 500_000 {
                asked += 1;
                let (account, event) = assigned[random.below(among)];
                let product = format!("PRODUCT-{}", &event.license.as_str()[8..]);
                let question = Question {
                    user: event.holder.user.as_ref().map(UserId::as_str),
                    product: (!by_license).then_some(&product),
                    license: by_license.then_some(event.license.as_str()),
                    email: None,
                };
                let ask = |db: &_| checks::check(db, account.as_str(), &question, u64::MAX, now);
                allowed += usize::from(readers.with(ask).unwrap().allowed);
            }
            let rates = clock.rates(asked);
            let by = if by_license { "license" } else { "product" };
            println!("check by user and {by}, {what} holders: {rates} ({allowed} allowed)");
        }
    }
}

fn find(dir: &Path, commits: &[Arc<Commit>]) {
    let readers = Readers::new(&path(dir, &commands::MODEL), &commands::MODEL, 1);
    let mut random = Random(3);
    let last = BEGIN + commits.len() as i64;
    let account = account(1);
    for what in ["new", "known"] {
        let (mut found, mut asked) = (0, 0);
        let clock = Clock::start();
        while asked < 300_000 {
            asked += 1;
            let record = &commits[random.below(commits.len())].records[0];
            let id = CommandId::new(random.id(last).to_string()).unwrap();
            let (account, id) = match what {
                "new" => (&account, &id),
                _ => (&record.account, &record.command.id),
            };
            let it = readers.with(|db| commands::find(db, account, id)).unwrap();
            found += usize::from(it.is_some());
        }
        let rates = clock.rates(asked);
        println!("find a {what} command: {rates} ({found} found)");
    }
}
