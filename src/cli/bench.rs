//! `seatledger bench`: what a running ledger does, beside what its parts alone do in the same run.
//!
//! Everything is a closed loop: a caller sends its next request when the last one is answered. Read
//! ratios, not rates: both sides of a ratio come from the same machine in the same minute.

mod assign;
mod check;
mod closed_loop;
mod fill;

use clap::{Args, Subcommand};

use super::{Exit, Global};
use crate::nats;
use crate::natsd::User;

#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// AssignSeat over NATS, beside plain acknowledged publishes of the same bytes; writes accounts
    /// bench-… that stay
    Assign(assign::Assign),
    /// Checks over HTTP, beside an empty handler of the same server
    Check(check::Check),
    /// Fill the ledger with assignments, a thousand a command; writes accounts fill-… that stay
    Fill(fill::Fill),
}

impl Bench {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self.what {
            What::Assign(it) => it.run(global).await,
            What::Check(it) => it.run(global).await,
            What::Fill(it) => it.run(global).await,
        }
    }
}

/// A connection to the NATS server of the ledger in `--dir`. The options say who to be there; of one
/// that `dev` runs, the ledger itself, because a baseline has a stream of its own.
async fn nats(global: &Global, given: &nats::Options) -> anyhow::Result<async_nats::Client> {
    use super::{failed, remote::Ready};
    let ready = Ready::read(&global.dir).ok_or_else(|| {
        let dir = global.dir.display();
        failed(Exit::Unreachable, format!("no ledger is known in {dir}: start one, or give --dir"))
    })?;
    let mut options = given.clone();
    if options.url.is_none() {
        options.url = Some(ready.nats);
    }
    if !options.has_credentials() {
        options.nats_password = User::Ledger.kept_password(&global.dir.join("nats"));
        options.nats_user = options.nats_password.as_ref().map(|_| User::Ledger.name().to_owned());
    }
    let connection = options.connect("seatledger bench").await;
    Ok(connection.map_err(|it| failed(Exit::Unreachable, it.to_string()))?.client)
}
