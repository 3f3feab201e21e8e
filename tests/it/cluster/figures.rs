//! What was seen, for each fault: a table for people, JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::faults::Fault;
use super::{DARK_MAX, ONE_SILENT_MAX, SILENCE_MAX};
use crate::faults::say;

/// What one round has shown.
#[derive(Debug, Default)]
pub struct Round {
    pub acknowledged: usize,
    /// The longest time in which no command was answered at all.
    pub silence: Duration,
    /// The longest time in which one ledger that runs answered none over HTTP.
    pub one_silent: Duration,
    pub lost: Vec<String>,
    /// The log is not one: doubled, over quantity, or its chain is broken.
    pub log: Option<String>,
    /// A person was needed.
    pub person: Vec<String>,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let broken = usize::from(self.log.is_some());
        let (acknowledged, lost) = (self.acknowledged, self.lost.len());
        write!(f, "{acknowledged} acknowledged, {lost} lost, {broken} doubled, over or broken, ")?;
        write!(f, "flow again {:.1?}, each {:.1?}", self.silence, self.one_silent)?;
        for what in self.lost.iter().chain(&self.log).chain(&self.person) {
            write!(f, "\n    {what}")?;
        }
        Ok(())
    }
}

impl Round {
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.log.is_none() && self.person.is_empty()
    }
}

/// All rounds of all faults.
#[derive(Debug, Default)]
pub struct Figures {
    rounds: Vec<(Fault, Round)>,
    not_run: Vec<(Fault, String)>,
}

impl Figures {
    pub fn add(&mut self, fault: Fault, round: Round) {
        self.rounds.push((fault, round));
    }

    pub fn not_run(&mut self, fault: Fault, why: &str) {
        if !self.not_run.iter().any(|it| it.0 == fault) {
            say(&format!("not run: {}: {why}", fault.name()));
            self.not_run.push((fault, why.to_owned()));
        }
    }

    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// What went wrong, a line each.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = vec![];
        for (fault, round) in &self.rounds {
            let all = round.lost.iter().chain(&round.log).chain(&round.person);
            wrong.extend(all.map(|it| format!("{}: {it}", fault.name())));
        }
        wrong
    }

    /// The rounds in which no command flowed for longer than may be.
    pub fn slow(&self) -> Vec<String> {
        let most = |it: Fault| match it.needs_power() {
            true => (DARK_MAX, DARK_MAX),
            false => (SILENCE_MAX, ONE_SILENT_MAX),
        };
        let is_slow = |(fault, it): &&(Fault, Round)| {
            it.silence > most(*fault).0 || it.one_silent > most(*fault).1
        };
        let slow = self.rounds.iter().filter(is_slow);
        slow.map(|it| format!("{}: {}", it.0.name(), it.1)).collect()
    }

    fn row(&self, fault: Fault) -> Option<Value> {
        let of: Vec<_> = self.rounds.iter().filter(|it| it.0 == fault).map(|it| &it.1).collect();
        let sum = |of_one: fn(&Round) -> usize| of.iter().map(|it| of_one(it)).sum::<usize>();
        let median_and_worst = |of_one: fn(&Round) -> Duration| {
            let mut all: Vec<_> = of.iter().map(|it| of_one(it).as_secs_f64()).collect();
            all.sort_by(f64::total_cmp);
            let tenths = |it: f64| (it * 10.0).round() / 10.0;
            (tenths(all[(all.len() - 1) / 2]), tenths(all[all.len() - 1]))
        };
        if of.is_empty() {
            return None;
        }
        let silence = median_and_worst(|it| it.silence);
        let one = median_and_worst(|it| it.one_silent);
        Some(json!({
            "fault": fault.name(), "rounds": of.len(),
            "acknowledged": sum(|it| it.acknowledged), "lost": sum(|it| it.lost.len()),
            "not_a_log": sum(|it| usize::from(it.log.is_some())),
            "stopped": sum(|it| it.person.len()),
            "flow_median_s": silence.0, "flow_worst_s": silence.1,
            "each_median_s": one.0, "each_worst_s": one.1,
        }))
    }

    /// Prints the table.
    pub fn show(&self) {
        let rows = self.rows();
        let columns = [
            ("rounds", "rounds"),
            ("acknowledged", "acknowledged"),
            ("lost", "lost"),
            ("not_a_log", "doubled, over, broken"),
            ("stopped", "needed a person"),
            ("flow_median_s", "flow again: median s"),
            ("flow_worst_s", "worst s"),
            ("each_median_s", "every ledger: median s"),
            ("each_worst_s", "worst s"),
        ];
        let names: Vec<_> = columns.iter().map(|it| it.1).collect();
        say(&format!("| fault | {} |", names.join(" | ")));
        say(&format!("|---|{}", "---|".repeat(columns.len())));
        for row in &rows {
            let cells: Vec<_> = columns.iter().map(|it| row[it.0].to_string()).collect();
            say(&format!("| {} | {} |", row["fault"].as_str().unwrap(), cells.join(" | ")));
        }
        for (fault, why) in &self.not_run {
            say(&format!("| {} | not run: {why} |", fault.name()));
        }
    }

    /// Writes them where `SEATLEDGER_CLUSTER_JSON` says.
    pub fn write(&self) {
        let Ok(path) = std::env::var("SEATLEDGER_CLUSTER_JSON") else { return };
        let all = json!({
            "faults": self.rows(), "not_run": self.not_run.iter().map(|it| json!({
                "fault": it.0.name(), "why": it.1,
            })).collect::<Vec<_>>(),
            "wrong": self.wrong(),
        });
        std::fs::write(path, serde_json::to_vec_pretty(&all).unwrap()).unwrap();
    }

    fn rows(&self) -> Vec<Value> {
        Fault::ALL.iter().filter_map(|it| self.row(*it)).collect()
    }
}
