//! seatledger: an event-sourced license ledger.
//!
//! All I/O of the ledger; the rules are in the crate `events`, SQL in `projections`. Reading order:
//! [`log`] (the stream of commits), [`writer`] (commands in, commits out), [`intake`] (the doors),
//! [`projector`] and [`views`] (read models), [`auth`] (who calls), [`http`] (what is asked),
//! [`facades`] (other vendors' calls), [`service`] (everything put together), [`cli`] (the command
//! line).

pub mod anchor;
pub mod auth;
pub mod cli;
pub mod client;
pub mod clock;
pub mod describe;
pub mod durability;
pub mod facades;
pub mod file_lock;
pub mod health;
pub mod http;
pub mod intake;
pub mod journal;
pub mod key_register;
pub mod log;
pub mod metrics;
pub mod monitor;
pub mod nats;
pub mod natsd;
pub mod private_file;
pub mod projector;
pub mod refusals;
pub mod service;
pub mod views;
pub mod write_thread;
pub mod writer;
