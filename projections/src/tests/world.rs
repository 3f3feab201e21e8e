//! Random histories, judged by the real rules, through the real wire format.

mod people;

use std::collections::HashMap;
use std::sync::Arc;

use events::command::{
    AllocateLicense, AssignSeat, ChangeAssignment, ChangeLicense, GraceDays, Patch, Quantity,
    ReinstateLicense, RetireLicense, RevokeAssignment, SuspendLicense,
};
use events::key::KeyId;
use events::request::ContentHash;
use events::text::Label;
use events::transfer::Received;
use events::wire::{self, CommandRef, Commit, CommitHash, FORMAT, Header, Record};
use events::{
    AccountId, Actor, By, Change, Command, CommandId, Email, Event, ExternalId, Holder, Ledger,
    LicenseId, Metadata, Moment, ProductId, Request, Source, UserId, Via,
};
use uuid::Uuid;

/// SplitMix64: the same seed, the same world.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        it ^ (it >> 31)
    }

    /// 0 to `n` - 1.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

pub(super) const ACCOUNTS: [&str; 3] = ["acme", "beta", "nobody"];
pub(super) const LICENSES: [&str; 7] =
    ["creative", "office", "studio", "é 'x'", "creative@north", "office@north", "never"];
/// What beta has of acme, in a world where accounts give to each other.
pub(super) const RECEIVED: [&str; 2] = ["creative@acme", "office@acme"];
pub(super) const PRODUCTS: [&str; 4] = ["CREATIVE", "OFFICE", "course:66", "NONE"];
pub(super) const GROUPS: [&str; 4] = ["staff", "team", "orphan:é", "nil"];
pub(super) const USERS: [&str; 8] = ["ada", "bo", "cy", "di", "ed", "flo", "gus", "nil"];
pub(super) const EMAILS: [&str; 6] =
    ["ada@x.org", "bo@x.org", "cy@x.org", "new@x.org", "zoe@x.org", "nil@x.org"];
pub(super) const KEYS: [KeyId; 6] =
    [KeyId([1; 8]), KeyId([2; 8]), KeyId([3; 8]), KeyId([4; 8]), KeyId([5; 8]), KeyId([6; 8])];
pub(super) const ACTORS: [&str; 4] = ["hr", "it", "clock", "nobody"];
pub(super) const BYS: [&str; 4] = ["local", "nats:command", "clock", "nobody"];

/// 2026-01-30T22:00:00Z: two hours and two days before a month ends.
const BEGIN: i64 = 1_769_810_400_000;

pub(super) struct World {
    pub(super) random: Random,
    pub(super) commits: Vec<Arc<Commit>>,
    ledger: Ledger,
    now: Moment,
    commands: u64,
    /// Whether accounts give to each other.
    gives: bool,
    /// What receivers have said, by transfer.
    said: HashMap<u64, Received>,
    /// Whether every third command is about keys.
    of_keys: bool,
}

/// What a world is full of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Giving,
    OfKeys,
}

impl World {
    /// A world of that many commits.
    pub(super) fn new(seed: u64, commits: usize) -> World {
        World::of(seed, commits, Kind::Plain)
    }

    /// The same, where accounts give to each other.
    pub(super) fn giving(seed: u64, commits: usize) -> World {
        World::of(seed, commits, Kind::Giving)
    }

    /// The same, with many commands about keys.
    pub(super) fn of_keys(seed: u64, commits: usize) -> World {
        World::of(seed, commits, Kind::OfKeys)
    }

    fn of(seed: u64, commits: usize, kind: Kind) -> World {
        let mut world = World {
            random: Random::new(seed),
            commits: vec![],
            ledger: Ledger::default(),
            now: Moment::from_millis(BEGIN),
            commands: 0,
            gives: kind == Kind::Giving,
            said: HashMap::new(),
            of_keys: kind == Kind::OfKeys,
        };
        while world.commits.len() < commits {
            world.commit();
        }
        world
    }

    /// Adds a commit with what one command to acme causes, which must be something.
    pub(super) fn told(&mut self, command: Command) {
        let account = AccountId::new(ACCOUNTS[0]).unwrap();
        let request = Request { account, command, ..self.request() };
        let before = self.commits.len();
        self.ledger.begin();
        let mut records = vec![];
        self.judge(&request, &mut records);
        self.settle(&records);
        assert_eq!(self.commits.len(), before + 1, "{request:?}");
    }

    fn commit(&mut self) {
        // Several commits in a millisecond, hours apart, and everything in between.
        let step = [0, 0, 1, 900, 60_000, 3_600_000, 7 * 3_600_000];
        self.now = Moment::from_millis(self.now.millis() + self.random.pick(&step));
        let steps = self.steps();
        self.ledger.begin();
        let mut records = vec![];
        steps.iter().for_each(|it| self.judge(it, &mut records));
        for _ in 0..=self.random.below(6) {
            let request = self.request();
            self.judge(&request, &mut records);
        }
        self.settle(&records);
    }

    /// The next step of one transfer and another, now and then.
    fn steps(&mut self) -> Vec<Request> {
        let mut steps = vec![];
        for transfer in self.ledger.transfers(3) {
            if !self.random.one_in(3) {
                continue;
            }
            let id = CommandId::new(format!("end-{}", transfer.open.transfer)).unwrap();
            let said = self.said.get(&transfer.open.transfer);
            let step = said.map_or_else(|| transfer.to_receive(), |it| transfer.to_end(id, it));
            steps.push(step.unwrap());
        }
        steps
    }

    fn judge(&mut self, request: &Request, records: &mut Vec<Record>) {
        let seed = u128::from(self.random.next()) << 64 | u128::from(self.random.next());
        let Ok(events) = self.ledger.judge(request, self.now, seed) else { return };
        for event in events {
            let id = Uuid::from_u64_pair(self.random.next(), self.random.next());
            records.push(Record {
                id,
                at: self.now,
                account: request.account.clone(),
                command: CommandRef { id: request.id.clone(), hash: request.hash },
                actor: request.actor.clone(),
                by: request.by.clone(),
                via: request.via,
                change: request.change.clone(),
                event,
            });
        }
    }

    fn settle(&mut self, records: &[Record]) {
        self.ledger.check().unwrap();
        self.ledger.settle();
        for it in records {
            if let Event::TransferReceived(received) = &it.event {
                self.said.extend(Received::of(&it.event).map(|it| (received.transfer, it)));
            }
        }
        if !records.is_empty() {
            let last = self.commits.last().map(|it| (it.sequence, it.hash));
            let (sequence, prev) = last.unwrap_or((0, CommitHash::NONE));
            self.commits.push(Arc::new(commit(sequence + 1, prev, self.now, records)));
        }
    }

    fn request(&mut self) -> Request {
        self.commands += 1;
        let id = match self.random.one_in(3) {
            true => format!("command-{}", self.commands),
            false => Uuid::from_u64_pair(self.commands, self.random.next()).to_string(),
        };
        let reason = self.random.one_in(3).then(|| Label::new("because").unwrap());
        let hash = (u128::from(self.random.next()) << 64).to_be_bytes();
        Request {
            id: CommandId::new(id).unwrap(),
            account: AccountId::new(*self.random.pick(&ACCOUNTS[..2])).unwrap(),
            actor: Actor::new(*self.random.pick(&ACTORS[..3])).unwrap(),
            by: By::new(BYS[self.commands as usize % 3]).unwrap(),
            via: *self.random.pick(&[Via::Nats, Via::Http, Via::Ibl]),
            change: Change { reason, ..Change::default() },
            dry_run: false,
            command: self.command(),
            hash: ContentHash(hash),
        }
    }

    fn command(&mut self) -> Command {
        // There is a license from the first event on.
        if self.commands == 1 {
            return Command::AllocateLicense(self.allocate());
        }
        if self.of_keys && self.random.one_in(3) {
            return self.about_keys();
        }
        match self.random.below(32) {
            20.. => self.about_people(),
            0 | 1 => Command::AllocateLicense(self.allocate()),
            2 => Command::ChangeLicense(self.change_license()),
            3 if self.random.one_in(2) => {
                Command::SuspendLicense(SuspendLicense { license: self.license() })
            }
            3 | 4 => Command::ReinstateLicense(ReinstateLicense { license: self.license() }),
            5 if self.random.one_in(4) => {
                Command::RetireLicense(RetireLicense { license: self.license() })
            }
            5..=11 => Command::AssignSeat(self.assign()),
            12..=14 => Command::ChangeAssignment(ChangeAssignment {
                assignment: None,
                license: Some(self.license()),
                holder: Some(self.holder()),
                active: [None, Some(true), Some(false)][self.random.below(3) as usize],
                fulfilled: [None, Some(true), Some(false)][self.random.below(3) as usize],
                ends_at: self.random.one_in(4).then(|| self.soon()).map_or(Patch::Keep, Patch::Set),
                redirect_to: self.patch("https://x.org/here", Label::new),
                metadata: self.patch(r#"{"seat":[1,2]}"#, |it| Metadata::new(&it)),
            }),
            _ => Command::RevokeAssignment(RevokeAssignment {
                assignment: None,
                assignments: vec![],
                license: Some(self.license()),
                holders: (0..=self.random.below(3)).map(|_| self.holder()).collect(),
            }),
        }
    }

    fn allocate(&mut self) -> AllocateLicense {
        let index = self.random.below(4) as usize;
        AllocateLicense {
            license: LicenseId::new(LICENSES[index]).unwrap(),
            product: ProductId::new(PRODUCTS[index % 3]).unwrap(),
            quantity: Quantity::new(2 + self.random.below(6) as i64).unwrap(),
            container: None,
            name: None,
            starts_at: self.moment(6),
            ends_at: None,
            grace_days: None,
            external_id: None,
            source: self.random.one_in(2).then(|| Source::new("crm").unwrap()),
            metadata: self.random.one_in(2).then(|| Metadata::new(r#"{"a":1.50}"#).unwrap()),
        }
    }

    fn change_license(&mut self) -> ChangeLicense {
        let external = ["x-1", "x-2"][self.random.below(2) as usize];
        ChangeLicense {
            license: self.license(),
            quantity: Quantity::new(self.random.below(9) as i64),
            name: self.patch("Creative Suite", Label::new),
            starts_at: self.moment(4).map_or(Patch::Keep, Patch::Set),
            ends_at: self.moment(3).map_or(Patch::Clear, Patch::Set),
            grace_days: self.grace(),
            external_id: self.patch(external, ExternalId::new),
            source: Patch::Keep,
            metadata: self.patch(r#"{"b":null}"#, |it| Metadata::new(&it)),
        }
    }

    fn assign(&mut self) -> AssignSeat {
        let by_product = self.random.one_in(3);
        let product = *self.random.pick(&PRODUCTS[..3]);
        let license = self.license();
        AssignSeat {
            license: (!by_product).then_some(license),
            product: by_product.then(|| ProductId::new(product).unwrap()),
            container: None,
            holders: (0..=self.random.below(3)).map(|_| self.holder()).collect(),
            active: !self.random.one_in(5),
            fulfilled: self.random.one_in(5),
            redirect_to: None,
            metadata: None,
            wait: self.random.one_in(3),
            ends_at: self.random.one_in(6).then(|| self.soon()),
        }
    }

    /// Some hours from now.
    fn soon(&mut self) -> Moment {
        let hours = 1 + self.random.below(60) as i64;
        Moment::from_millis(self.now.millis() + hours * 3_600_000)
    }

    fn license(&mut self) -> LicenseId {
        if self.gives && self.random.one_in(6) {
            return LicenseId::new(*self.random.pick(&RECEIVED)).unwrap();
        }
        LicenseId::new(*self.random.pick(&LICENSES[..4])).unwrap()
    }

    /// Users, users whose address may be another one than last time, and mere addresses.
    fn holder(&mut self) -> Holder {
        let user = UserId::new(*self.random.pick(&USERS[..7])).unwrap();
        let email = *self.random.pick(&EMAILS[..5]);
        let email = Email::new(email).unwrap();
        match self.random.below(5) {
            0 => Holder::email(email),
            1 => Holder { user: Some(user), email: Some(email) },
            _ => Holder::user(user),
        }
    }

    /// Now and then, a moment within a few days.
    fn moment(&mut self, one_in: u64) -> Option<Moment> {
        let ahead = self.random.below(4 * 86_400_000) as i64 - 86_400_000;
        self.random.one_in(one_in).then(|| Moment::from_millis(self.now.millis() + ahead))
    }

    /// Now and then a day or two; by the count of commands, so that nothing else is drawn otherwise.
    fn grace(&self) -> Patch<GraceDays> {
        match u16::try_from(self.commands % 4).unwrap() {
            0 => Patch::Clear,
            3 => Patch::Keep,
            days => Patch::Set(GraceDays::new(days).unwrap()),
        }
    }

    fn patch<T, E: std::fmt::Debug>(
        &mut self,
        text: &str,
        new: impl Fn(String) -> Result<T, E>,
    ) -> Patch<T> {
        match self.random.below(4) {
            0 => Patch::Clear,
            1 => Patch::Set(new(text.to_owned()).unwrap()),
            _ => Patch::Keep,
        }
    }
}

/// A commit as it comes back from the log.
pub(super) fn commit(sequence: u64, prev: CommitHash, at: Moment, records: &[Record]) -> Commit {
    let header = Header {
        format: FORMAT,
        commit: Uuid::from_u64_pair(sequence, 1),
        partition: 0,
        n: sequence,
        prev,
        count: records.len(),
        at,
        void: None,
    };
    let mut lines = vec![];
    records.iter().for_each(|it| it.write(&mut lines));
    wire::decode(sequence, &wire::encode(&header, &lines)).unwrap()
}
