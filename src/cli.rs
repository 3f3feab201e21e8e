//! The command line.

mod asking;
mod bench;
mod clock;
mod demo;
mod dev;
mod doctor;
mod keys;
mod lists;
mod output;
mod read;
mod rebuild;
mod remote;
mod send;
mod serve;
mod status;
mod tail;
mod void;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::auth::{rate, token};
use crate::http::server::Front;

/// Where a ledger keeps its files unless told otherwise.
const DIR_DEFAULT: &str = ".seatledger";

/// An event-sourced license ledger
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
    #[command(flatten)]
    global: Global,
}

/// What every subcommand takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print JSON: one document, or one a line for streams
    #[arg(long, global = true)]
    json: bool,
    /// Where this ledger keeps its files, and where a running one is found
    #[arg(long, global = true, env = "SEATLEDGER_DIR", default_value = DIR_DEFAULT)]
    dir: PathBuf,
    /// What to log, for example `info` or `seatledger=debug`
    #[arg(long, global = true, env = "RUST_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run a ledger with a nats-server of its own, with demo data
    Dev(dev::Dev),
    /// Run a ledger on your NATS server
    Serve(Box<serve::Serve>),
    /// Send a command, or many as JSON lines
    Send(send::Send),
    /// Ask whether a holder may use a product
    Check(read::Check),
    /// Show the seats of a license, now or over time
    Usage(read::Usage),
    /// Show what happened
    History(read::History),
    /// Show the groups of an account
    Groups(lists::Groups),
    /// Show what a group gives, and who is in it
    Group(lists::Group),
    /// Show who is known
    Holders(lists::Holders),
    /// Show one user, and what they have
    Holder(lists::Holder),
    /// Show what is decided
    Policies(lists::Policies),
    /// Show who waits for a seat
    Waitlist(lists::Waitlist),
    /// Show containers, and what each has of a license
    Containers(lists::Containers),
    /// Show commands that are to come, and what came of others
    Schedules(lists::Schedules),
    /// Make keys, show them, and revoke them
    Keys(keys::Keys),
    /// Show what happens, as it happens
    Tail(tail::Tail),
    /// Build read models anew from the log and swap them in
    Rebuild(rebuild::Rebuild),
    /// Show what the time is for a ledger, and move it forward in dev mode
    Clock(clock::Clock),
    /// Declare messages void that stand on the log and are none of the ledger's
    Void(void::Void),
    /// Show how a running ledger is
    Status(status::Status),
    /// Look for trouble and say how to mend it
    Doctor(doctor::Doctor),
    /// Measure a running ledger
    Bench(bench::Bench),
}

/// Who may call a ledger over HTTP.
#[derive(Debug, Clone, Args)]
struct Admission {
    /// Calls a second of one key, or of the subject of tokens; more are told to wait
    #[arg(long, env = "SEATLEDGER_RATE", value_name = "CALLS", default_value_t = rate::CALLS_DEFAULT)]
    rate: std::num::NonZeroU32,
    #[command(flatten)]
    tokens: token::Options,
    #[command(flatten)]
    front: Front,
}

impl Admission {
    /// How tokens are taken, checked before anything is made.
    fn tokens(&self) -> anyhow::Result<Option<token::Settings>> {
        self.tokens.settings().map_err(|it| failed(Exit::Usage, it.to_string()))
    }
}

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// The ledger refused, or the answer is no.
    Refused = 1,
    /// The arguments or the input make no sense.
    Usage = 2,
    /// Nobody could be reached.
    Unreachable = 3,
    /// Something that was checked is not as it must be.
    Unsound = 4,
    /// Some of many went wrong.
    Partial = 5,
}

/// An error that says with which code the process ends.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Failed {
    exit: Exit,
    message: String,
}

/// An error that ends the process with this code.
fn failed(exit: Exit, message: impl Into<String>) -> anyhow::Error {
    Failed { exit, message: message.into() }.into()
}

/// Runs a command line.
pub async fn run(arguments: Arguments) -> ExitCode {
    let global = arguments.global;
    let secrets = crate::nats::in_arguments(std::env::args());
    if !secrets.is_empty() {
        tracing::warn!(
            arguments = secrets.join(" "),
            "everybody on this machine can read a secret on a command line: give it in the \
             environment, or in a file with --nats-password-file, --nats-token-file or --nats-creds"
        );
    }
    let done = match arguments.command {
        Subcommands::Dev(it) => it.run(&global).await,
        Subcommands::Serve(it) => it.run(&global).await,
        Subcommands::Send(it) => it.run(&global).await,
        Subcommands::Check(it) => it.run(&global).await,
        Subcommands::Usage(it) => it.run(&global).await,
        Subcommands::History(it) => it.run(&global).await,
        Subcommands::Groups(it) => it.run(&global).await,
        Subcommands::Group(it) => it.run(&global).await,
        Subcommands::Holders(it) => it.run(&global).await,
        Subcommands::Holder(it) => it.run(&global).await,
        Subcommands::Policies(it) => it.run(&global).await,
        Subcommands::Waitlist(it) => it.run(&global).await,
        Subcommands::Containers(it) => it.run(&global).await,
        Subcommands::Schedules(it) => it.run(&global).await,
        Subcommands::Keys(it) => it.run(&global).await,
        Subcommands::Tail(it) => it.run(&global).await,
        Subcommands::Rebuild(it) => it.run(&global).await,
        Subcommands::Clock(it) => it.run(&global).await,
        Subcommands::Void(it) => it.run(&global).await,
        Subcommands::Status(it) => it.run(&global).await,
        Subcommands::Doctor(it) => it.run(&global).await,
        Subcommands::Bench(it) => it.run(&global).await,
    };
    match done {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => fail(&error),
    }
}

/// Says what went wrong, with its causes, and with which code the process ends.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    output::failure(&format!("{error:#}"));
    let exit = error.downcast_ref::<Failed>().map_or(Exit::Usage, |it| it.exit);
    ExitCode::from(exit as u8)
}

/// Sends what is logged to standard error: for people on a terminal, as JSON lines elsewhere.
pub fn logging(arguments: &Arguments) {
    use tracing_subscriber::EnvFilter;
    let quiet = match arguments.command {
        Subcommands::Serve(_) => "info",
        // How far a start is that takes longer, and nothing else that is well.
        Subcommands::Dev(_) => "warn,seatledger::writer::start=info",
        Subcommands::Send(_)
        | Subcommands::Check(_)
        | Subcommands::Usage(_)
        | Subcommands::History(_)
        | Subcommands::Groups(_)
        | Subcommands::Group(_)
        | Subcommands::Holders(_)
        | Subcommands::Holder(_)
        | Subcommands::Policies(_)
        | Subcommands::Waitlist(_)
        | Subcommands::Containers(_)
        | Subcommands::Schedules(_)
        | Subcommands::Keys(_)
        | Subcommands::Tail(_)
        | Subcommands::Rebuild(_)
        | Subcommands::Clock(_)
        | Subcommands::Void(_)
        | Subcommands::Status(_)
        | Subcommands::Doctor(_)
        | Subcommands::Bench(_) => "warn",
    };
    // What happens to a connection is said by `nats`, once; the library says each attempt.
    let about_nats = |it: &str| match it.contains("async_nats") {
        true => it.to_owned(),
        false => format!("{it},async_nats=warn"),
    };
    let quiet = &about_nats(quiet);
    let filter = &arguments.global.log.as_deref().map_or_else(|| quiet.clone(), about_nats);
    // A filter that makes no sense is replaced and not fatal: logging must not keep a ledger down.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(quiet));
    // A line that cannot be written, on a full disk for one, is left out. Saying so on the same
    // stream would fail as well, and that is a panic of whoever logs.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let installed = match std::io::stderr().is_terminal() {
        true => builder.compact().try_init(),
        false => builder.json().try_init(),
    };
    if let Err(error) = installed {
        output::error(&format!("nothing is logged: {error}"));
    }
}
