//! Three nats-servers, two ledgers, and whatever breaks every day: nothing acknowledged is lost or
//! happens twice, and no person is needed.
//!
//! The short form breaks each thing once. The long form goes on for `SEATLEDGER_CLUSTER_MINUTES`,
//! with power cuts where the machine can do them. `SEATLEDGER_CLUSTER_FAULTS` names those to break
//! (a list with commas, in the words of `Fault`), `SEATLEDGER_CLUSTER_ROUNDS` how often each of them,
//! instead of minutes, `SEATLEDGER_CLUSTER_SERVE` more flags of `serve`, `SEATLEDGER_CLUSTER_JSON` a file for the figures,
//! `SEATLEDGER_CLUSTER_KEEP` a folder for the logs as they are after each round.

pub mod cables;
mod callers;
mod faults;
mod figures;
mod ledgers;
mod nodes;
mod power;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::faults::dice::Dice;
use crate::faults::replay::{Replay, messages_after};
use crate::faults::{say, setting, told};
use cables::End;
use callers::{Callers, Lane};
use faults::{Ends, Fault};
use figures::{Figures, Round};
use ledgers::{LEDGERS, Ledgers};
use nodes::{NODES, Nodes};
use power::Disk;

/// How long a fault lasts, and how long its mending is waited for, at most.
const HOLD_MAX: Duration = Duration::from_secs(40);

/// How long the two ledgers are left alone: in the short form, and in each turn of the long one.
const ALONE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));

/// Commands flow when they have done so for that long.
const STEADY: Duration = Duration::from_millis(1_500);

/// A pause of this length is nothing yet: one fsync on a busy machine.
const GAP: Duration = Duration::from_millis(900);

/// The worst silence that a fault may cause.
const SILENCE_MAX: Duration = Duration::from_secs(12);

/// The same where all nodes lose power: their disks are looked over and mounted again, and everything
/// starts.
const DARK_MAX: Duration = Duration::from_secs(30);

/// The worst silence of one ledger that runs and reaches a node that leads somewhere. It notices
/// after 3 s that the log is silent, and one of its servers may be the wrong one.
const ONE_SILENT_MAX: Duration = Duration::from_secs(20);

/// How long what was posted may wait until it is on the log.
const POSTS_MAX: Duration = Duration::from_secs(60);

/// Everything that runs. Order matters: nodes and ledgers end before their disks go.
struct World {
    callers: Option<Callers>,
    ledgers: Ledgers,
    nodes: Nodes,
    /// Of the nodes, then of the ledgers; none where power is not cut.
    disks: Vec<Disk>,
    /// The log as far as it was looked at.
    replay: Replay,
    dice: Dice,
    dir: TempDir,
}

impl World {
    async fn start(dice: Dice, disks_from: Option<&dyn Fn(&Path) -> Vec<Disk>>) -> World {
        let dir = tempfile::tempdir().unwrap();
        let disks = disks_from.map_or_else(Vec::new, |it| it(dir.path()));
        let place = |number: usize, name: &str| match disks.get(number) {
            Some(disk) => disk.place().join(name),
            None => dir.path().join(format!("{name}-{number}")),
        };
        let stores: Vec<PathBuf> = (0..NODES).map(|it| place(it, "js")).collect();
        let mut nodes = Nodes::start(dir.path(), &stores).await;
        let dirs = (0..LEDGERS).map(|it| place(NODES + it, "ledger")).collect();
        let mut urls = vec![];
        for ledger in 0..LEDGERS {
            urls.push(nodes.urls(End::Ledger(ledger)).await.join(","));
        }
        let for_callers = nodes.urls(End::Callers).await;
        let ledgers = Ledgers::new(dirs, urls);
        let replay = Replay::default();
        let mut world = World { callers: None, ledgers, nodes, disks, replay, dice, dir };
        for ledger in 0..LEDGERS {
            world.start_ledger(ledger).await.unwrap_or_else(|it| panic!("{it}"));
        }
        world.ledgers.are_ready().await.unwrap_or_else(|it| panic!("{it}"));
        let http: Vec<_> = (0..LEDGERS).map(|it| world.ledgers.get(it).http_url()).collect();
        world.callers = Some(Callers::start(&world.dice, &for_callers, &http).await);
        world.flows(STEADY, HOLD_MAX, &[0, 1]).await;
        world
    }

    fn callers(&self) -> &Callers {
        self.callers.as_ref().unwrap()
    }

    /// Waits until commands flow without a pause, altogether and over HTTP with each of these
    /// ledgers, at most that long.
    async fn flows(&self, steady: Duration, at_most: Duration, ledgers: &[usize]) -> bool {
        let flow = &self.callers().flow;
        let begin = flow.now();
        while flow.now() < begin + at_most {
            let since = flow.now().saturating_sub(steady);
            let each = |it: &usize| flow.silence(since, |lane| lane == Lane::Http(*it)) < GAP;
            if since >= begin && flow.silence(since, |_| true) < GAP && ledgers.iter().all(each) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// One fault: broken, held until commands flow all the same, mended, looked at.
    async fn round(&mut self, fault: Fault, alone: Duration) -> Round {
        let ends = self.ends().await;
        let (since, count) = (self.callers().flow.now(), self.callers().flow.count());
        let mut round = Round::default();
        if let Err(it) = self.break_it(fault, ends).await {
            round.person.push(it);
        }
        let up = ends.ledgers_of(fault);
        match fault {
            Fault::Nothing => tokio::time::sleep(alone).await,
            _ => drop(self.flows(STEADY, HOLD_MAX, &up).await),
        }
        let silence = |it: usize| self.callers().flow.silence(since, |lane| lane == Lane::Http(it));
        round.one_silent = up.iter().map(|it| silence(*it)).max().unwrap_or_default();
        if let Err(it) = self.mend(fault, ends).await {
            round.person.push(it);
            return round;
        }
        if let Err(it) = self.ledgers.are_ready().await {
            round.person.push(it);
        }
        if round.is_sound() && !self.flows(STEADY, HOLD_MAX, &[0, 1]).await {
            // A machine that is busy with something else makes pauses; that is not standing still.
            let flow = &self.callers().flow;
            let lately = flow.now().saturating_sub(SILENCE_MAX);
            let still =
                |it: &usize| flow.silence(lately, |lane| lane == Lane::Http(*it)) >= SILENCE_MAX;
            for ledger in (0..LEDGERS).filter(still) {
                let said = self.ledgers.says(ledger).await;
                round.person.push(format!("ledger {ledger} stands still: {said}"));
            }
        }
        let flow = &self.callers().flow;
        round.silence = flow.silence(since, |_| true);
        round.acknowledged = flow.count() - count;
        for ledger in 0..LEDGERS {
            round.person.extend(self.ledgers.stopped(ledger).await);
        }
        round.person.dedup();
        self.look(fault, &mut round).await;
        round
    }

    /// Reads what is new on the log, and holds what was acknowledged against it.
    async fn look(&mut self, fault: Fault, round: &mut Round) {
        // What was there before a power cut may not be there any more.
        let known = match fault.needs_power() {
            true => Some(std::mem::take(&mut self.replay)),
            false => None,
        };
        let acknowledged = self.callers().acknowledged(self.replay.last());
        round.log = self.read_on().await.err();
        let differs = known.and_then(|it| it.differs_from(&self.replay));
        let differs = differs.map(|it| format!("sequence {it} is not what was read there before"));
        round.log = round.log.take().or(differs);
        round.lost = self.callers().lost(&acknowledged, &self.replay);
        if !self.callers().are_content() {
            round.log = Some("a caller was told two things of one command".to_owned());
        }
    }

    async fn read_on(&mut self) -> Result<(), String> {
        let client = self.nodes.checker().await;
        let begin = Instant::now();
        loop {
            match messages_after(&client, self.replay.last()).await {
                Ok(messages) => return self.replay.go_on(messages),
                // Who leads may just be changing.
                Err(it) if begin.elapsed() > HOLD_MAX => return Err(it),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Everything is asked again and compared: with the log from its beginning, with what was read
    /// of it all along, and with read models that are built anew.
    async fn end(mut self) {
        let mut callers = self.callers.take().unwrap();
        callers.end().await;
        let begin = Instant::now();
        loop {
            self.read_on().await.unwrap();
            match callers.waiting_posts(&self.replay) {
                0 => break,
                it => assert!(begin.elapsed() < POSTS_MAX, "{it} posts are not on the log"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        say(&format!("all posts are on the log {:.1?} after the last one", begin.elapsed()));
        let client = self.nodes.checker().await;
        let replay = Replay::of(&client).await;
        callers.book.lock().unwrap().agrees(&replay);
        assert_eq!(self.replay.differs_from(&replay), None, "what was read before is another log");
        assert_eq!(replay.foreign(), 0, "nobody else writes there");
        let last = replay.last();
        say(&format!("{last} commits, {} events", replay.events.len()));
        for ledger in 0..LEDGERS {
            let ledger = self.ledgers.get(ledger);
            told::settled(ledger, last).await;
            told::agrees(ledger, &replay).await;
            told::rebuilt_the_same(ledger);
        }
        for account in ["acme", "globex"] {
            let one = told::everything(self.ledgers.get(0), account, last).await;
            assert_eq!(one, told::everything(self.ledgers.get(1), account, last).await);
        }
        for ledger in 0..LEDGERS {
            assert!(self.ledgers.stop(ledger).await, "ledger {ledger} does not end well");
        }
    }

    /// Keeps the logs of all processes where the environment says.
    fn keep(&self, name: &str) {
        let Ok(folder) = std::env::var("SEATLEDGER_CLUSTER_KEEP") else { return };
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for node in 0..NODES {
            std::fs::write(folder.join(format!("n{node}.log")), self.nodes.log(node)).unwrap();
        }
        for (ledger, dir) in self.ledgers.dirs().iter().enumerate() {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                let file = entry.file_name().to_string_lossy().into_owned();
                if file.starts_with("stderr") {
                    let to = folder.join(format!("ledger-{ledger}-{file}"));
                    std::fs::copy(entry.path(), to).unwrap();
                }
            }
        }
    }
}

impl Ends {
    /// Which ledgers are up while it is broken.
    fn ledgers_of(&self, fault: Fault) -> Vec<usize> {
        let down = matches!(fault, Fault::KillLedger | Fault::StopLedger | Fault::PauseLedger);
        let all = 0..LEDGERS;
        all.filter(|it| !(down && *it == self.ledger())).collect()
    }
}

/// Each kind once, in the least time; the long form has the others.
const SHORT: [Fault; 13] = [
    Fault::Nothing,
    Fault::KillLeader,
    Fault::KillFollower,
    Fault::PauseLeader,
    Fault::CutLeader,
    Fault::MuteLeader,
    Fault::CutLeaderFromNodes,
    Fault::CutLedgers,
    Fault::RestartNodes,
    Fault::KillNodes,
    Fault::KillLedger,
    Fault::StopLedger,
    Fault::PauseLedger,
];

/// The faults that the environment names, or these.
fn chosen(otherwise: &[Fault]) -> Vec<Fault> {
    let Ok(names) = std::env::var("SEATLEDGER_CLUSTER_FAULTS") else { return otherwise.to_vec() };
    if names == "all" {
        return Fault::ALL.to_vec();
    }
    let find = |name: &str| {
        let found = Fault::ALL.into_iter().find(|it| format!("{it:?}") == name.trim());
        found.unwrap_or_else(|| panic!("{name} is none of {:?}", Fault::ALL))
    };
    names.split(',').map(find).collect()
}

fn disks(dir: &Path) -> Result<Vec<Disk>, String> {
    (0..NODES + LEDGERS).map(|it| Disk::new(dir, &format!("disk-{it}"))).collect()
}

/// Whether power can be cut here; otherwise, why not.
fn power() -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let mut tried = disks(dir.path())?;
    tried.drain(..).for_each(drop);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_and_two_ledgers_need_no_person_and_lose_nothing() {
    let mut dice = Dice::of_test("cluster", 10);
    let minutes = setting("SEATLEDGER_CLUSTER_MINUTES", 0);
    let mut turns = setting("SEATLEDGER_CLUSTER_ROUNDS", 0);
    let long = minutes > 0 || turns > 0;
    let mut plan = chosen(if long { &Fault::ALL } else { &SHORT });
    let mut figures = Figures::default();
    let power = match (long, plan.iter().any(|it| it.needs_power())) {
        (true, true) => power(),
        (true, false) => Err("not asked for".to_owned()),
        (false, _) => Err("it is part of the long form".to_owned()),
    };
    if let Err(why) = &power {
        plan.iter().filter(|it| it.needs_power()).for_each(|it| figures.not_run(*it, why));
        plan.retain(|it| !it.needs_power());
    }
    let make = |dir: &Path| disks(dir).expect("it could be done a moment ago");
    let make: Option<&dyn Fn(&Path) -> Vec<Disk>> = if power.is_ok() { Some(&make) } else { None };
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let alone = if long { ALONE.1 } else { ALONE.0 };
    let mut world = Some(World::start(dice.other(0), make).await);
    'turns: loop {
        for fault in &plan {
            let mut now = match world.take() {
                Some(it) => it,
                None => World::start(dice.other(figures.rounds() as u64), make).await,
            };
            let begin = Instant::now();
            let round = now.round(*fault, alone).await;
            let number = figures.rounds() + 1;
            say(&format!("{number}: {} in {:.1?}: {round}", fault.name(), begin.elapsed()));
            let sound = round.is_sound();
            now.keep(&format!("{number}-{fault:?}"));
            figures.add(*fault, round);
            figures.write();
            // Where a person is needed, the next fault meets a new cluster.
            world = sound.then_some(now);
            if minutes > 0 && Instant::now() > until {
                break 'turns;
            }
        }
        turns = turns.saturating_sub(1);
        if minutes == 0 && turns == 0 {
            break;
        }
        shuffle(&mut plan, &mut dice);
    }
    if let Some(world) = world {
        world.end().await;
    }
    figures.show();
    assert_eq!(figures.wrong(), Vec::<String>::new());
    assert_eq!(figures.slow(), Vec::<String>::new());
}

fn shuffle(plan: &mut [Fault], dice: &mut Dice) {
    for place in (1..plan.len()).rev() {
        plan.swap(place, dice.below(place as u64 + 1) as usize);
    }
}
