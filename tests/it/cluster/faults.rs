//! What breaks, and how it is mended.

use std::time::Duration;

use super::World;
use super::cables::End;
use super::ledgers::LEDGERS;
use super::nodes::NODES;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None: two ledgers on a healthy cluster.
    Nothing,
    KillLeader,
    KillFollower,
    /// The leader sleeps for longer than an election takes, and wakes up as if nothing had been.
    PauseLeader,
    /// Nothing gets from the leader to anybody, nor from anybody to it; no connection is closed.
    CutLeader,
    /// The leader hears nobody, and is heard.
    DeafLeader,
    /// The leader is heard by nobody, and hears.
    MuteLeader,
    /// The other two nodes do not reach the leader; ledgers and callers do.
    CutLeaderFromNodes,
    /// The ledgers do not reach the node that the first one is connected to; the nodes do.
    CutLedgers,
    /// The same where only what the node sends is lost.
    DeafLedgers,
    /// SIGTERM, one after the other.
    RestartNodes,
    /// Lame duck, one after the other.
    LameDucks,
    /// kill -9 of all three.
    KillNodes,
    KillLedger,
    /// SIGTERM.
    StopLedger,
    /// It sleeps while the other one goes on.
    PauseLedger,
    /// All three nodes lose power: what they have not fsynced is gone.
    PowerOfNodes,
    /// Nodes and ledgers do.
    PowerOfAll,
}

impl Fault {
    pub const ALL: [Fault; 18] = [
        Fault::Nothing,
        Fault::KillLeader,
        Fault::KillFollower,
        Fault::PauseLeader,
        Fault::CutLeader,
        Fault::DeafLeader,
        Fault::MuteLeader,
        Fault::CutLeaderFromNodes,
        Fault::CutLedgers,
        Fault::DeafLedgers,
        Fault::RestartNodes,
        Fault::LameDucks,
        Fault::KillNodes,
        Fault::KillLedger,
        Fault::StopLedger,
        Fault::PauseLedger,
        Fault::PowerOfNodes,
        Fault::PowerOfAll,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::Nothing => "no fault",
            Fault::KillLeader => "kill -9 of the leader",
            Fault::KillFollower => "kill -9 of a follower",
            Fault::PauseLeader => "leader paused",
            Fault::CutLeader => "leader cut off from all",
            Fault::DeafLeader => "leader hears nobody",
            Fault::MuteLeader => "leader heard by nobody",
            Fault::CutLeaderFromNodes => "leader cut off from the nodes",
            Fault::CutLedgers => "ledgers cut off from a node",
            Fault::DeafLedgers => "ledgers hear nothing of a node",
            Fault::RestartNodes => "rolling restart, SIGTERM",
            Fault::LameDucks => "rolling restart, lame duck",
            Fault::KillNodes => "kill -9 of all three nodes",
            Fault::KillLedger => "kill -9 of a ledger",
            Fault::StopLedger => "SIGTERM of a ledger",
            Fault::PauseLedger => "ledger paused",
            Fault::PowerOfNodes => "power cut of all three nodes",
            Fault::PowerOfAll => "power cut of nodes and ledgers",
        }
    }

    pub fn needs_power(self) -> bool {
        matches!(self, Fault::PowerOfNodes | Fault::PowerOfAll)
    }

    /// What is broken, in order of `ends`: from whom to whom nothing gets through.
    fn cuts(self, ends: Ends) -> Vec<(End, End)> {
        let leader = End::Node(ends.leader);
        let nodes = (0..NODES).filter(|it| *it != ends.leader).map(End::Node);
        let ledgers = (0..LEDGERS).map(End::Ledger);
        let others = || nodes.clone().chain(ledgers.clone()).chain([End::Callers]);
        let from = |all: &mut dyn Iterator<Item = End>, to: End| {
            all.map(|it| (it, to)).collect::<Vec<_>>()
        };
        let back = |cuts: Vec<(End, End)>| cuts.into_iter().map(|it| (it.1, it.0)).collect();
        match self {
            Fault::CutLeader => {
                let hears = from(&mut others(), leader);
                [hears.clone(), back(hears)].concat()
            }
            Fault::DeafLeader => from(&mut others(), leader),
            Fault::MuteLeader => back(from(&mut others(), leader)),
            Fault::CutLeaderFromNodes => {
                let hears = from(&mut nodes.clone(), leader);
                [hears.clone(), back(hears)].concat()
            }
            Fault::CutLedgers => {
                let hears = from(&mut ledgers.clone(), End::Node(ends.of_ledger));
                [hears.clone(), back(hears)].concat()
            }
            Fault::DeafLedgers => back(from(&mut ledgers.clone(), End::Node(ends.of_ledger))),
            Fault::Nothing
            | Fault::KillLeader
            | Fault::KillFollower
            | Fault::PauseLeader
            | Fault::RestartNodes
            | Fault::LameDucks
            | Fault::KillNodes
            | Fault::KillLedger
            | Fault::StopLedger
            | Fault::PauseLedger
            | Fault::PowerOfNodes
            | Fault::PowerOfAll => vec![],
        }
    }
}

/// Whom a fault is about.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    leader: usize,
    /// The node that the first ledger is connected to.
    of_ledger: usize,
    follower: usize,
    ledger: usize,
}

impl Ends {
    /// The ledger that is killed, stopped or paused.
    pub fn ledger(self) -> usize {
        self.ledger
    }
}

const ALL_NODES: [usize; NODES] = [0, 1, 2];

impl World {
    /// Whom it is about, chosen before it begins.
    pub async fn ends(&mut self) -> Ends {
        let leader = self.nodes.some_leader().await;
        let follower = (leader + 1 + self.dice.below(2) as usize) % NODES;
        let open = |it: &usize| self.nodes.cables.open(End::Ledger(0), End::Node(*it));
        let of_ledger = (0..NODES).max_by_key(open).unwrap();
        Ends { leader, of_ledger, follower, ledger: self.dice.below(LEDGERS as u64) as usize }
    }

    /// Breaks it. What is done here takes part in the time that is measured.
    pub async fn break_it(&mut self, fault: Fault, ends: Ends) -> Result<(), String> {
        for (from, to) in fault.cuts(ends) {
            self.nodes.cables.cut(from, to);
        }
        match fault {
            Fault::Nothing
            | Fault::CutLeader
            | Fault::DeafLeader
            | Fault::MuteLeader
            | Fault::CutLeaderFromNodes
            | Fault::CutLedgers
            | Fault::DeafLedgers => {}
            Fault::KillLeader => self.nodes.end(ends.leader, "KILL").await,
            Fault::KillFollower => self.nodes.end(ends.follower, "KILL").await,
            Fault::PauseLeader => self.nodes.signal(ends.leader, "STOP"),
            Fault::RestartNodes => self.roll("TERM").await,
            Fault::LameDucks => self.roll("USR2").await,
            Fault::KillNodes => self.end_all_nodes().await,
            Fault::KillLedger => self.ledgers.kill(ends.ledger).await,
            Fault::StopLedger => match self.ledgers.stop(ends.ledger).await {
                true => {}
                false => return Err(format!("ledger {} does not end well", ends.ledger)),
            },
            Fault::PauseLedger => self.ledgers.signal(ends.ledger, "STOP"),
            Fault::PowerOfNodes => self.cut_power(NODES).await,
            Fault::PowerOfAll => {
                self.cut_power(NODES + LEDGERS).await;
                for ledger in 0..LEDGERS {
                    self.start_ledger(ledger).await?;
                }
            }
        }
        Ok(())
    }

    /// Mends what is still broken.
    pub async fn mend(&mut self, fault: Fault, ends: Ends) -> Result<(), String> {
        self.nodes.cables.heal();
        match fault {
            Fault::KillLeader => self.nodes.start_again(&[ends.leader]).await,
            Fault::KillFollower => self.nodes.start_again(&[ends.follower]).await,
            Fault::PauseLeader => self.nodes.signal(ends.leader, "CONT"),
            Fault::KillLedger | Fault::StopLedger => self.start_ledger(ends.ledger).await?,
            Fault::PauseLedger => self.ledgers.signal(ends.ledger, "CONT"),
            Fault::Nothing
            | Fault::CutLeader
            | Fault::DeafLeader
            | Fault::MuteLeader
            | Fault::CutLeaderFromNodes
            | Fault::CutLedgers
            | Fault::DeafLedgers
            | Fault::RestartNodes
            | Fault::LameDucks
            | Fault::KillNodes
            | Fault::PowerOfNodes
            | Fault::PowerOfAll => {}
        }
        Ok(())
    }

    pub async fn start_ledger(&mut self, number: usize) -> Result<(), String> {
        self.ledgers.start(number).await?;
        if let Some(callers) = &self.callers {
            callers.moved(number, self.ledgers.get(number).http_url());
        }
        Ok(())
    }

    /// One after the other, as an operator does it: the next when commands flow.
    async fn roll(&mut self, signal: &str) {
        for number in ALL_NODES {
            self.nodes.end(number, signal).await;
            self.nodes.start_again(&[number]).await;
            self.nodes.some_leader().await;
            self.flows(Duration::from_secs(1), Duration::from_secs(15), &[]).await;
        }
    }

    async fn end_all_nodes(&mut self) {
        for number in ALL_NODES {
            self.nodes.signal(number, "KILL");
        }
        for number in ALL_NODES {
            self.nodes.end(number, "KILL").await;
        }
        self.nodes.start_again(&ALL_NODES).await;
    }

    /// The first disks are those of the nodes, the others those of the ledgers.
    async fn cut_power(&mut self, disks: usize) {
        for disk in &self.disks[..disks] {
            disk.cut();
        }
        for ledger in 0..disks - NODES {
            self.ledgers.kill(ledger).await;
        }
        for number in ALL_NODES {
            self.nodes.end(number, "KILL").await;
        }
        for disk in &mut self.disks[..disks] {
            disk.back().await;
        }
        self.nodes.start_again(&ALL_NODES).await;
    }
}
