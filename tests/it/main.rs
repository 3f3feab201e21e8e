//! The product from outside: the real binary, the real nats-server, NATS and HTTP only.
//!
//! Every test has a ledger of its own, in a folder of its own, on ports from the system.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unwrap_used,
    clippy::await_holding_lock,
    clippy::wildcard_enum_match_arm,
    clippy::wrong_self_convention,
    dead_code,
    unreachable_pub,
    reason = "a test that cannot go on fails, says why, and picks what it is about; tables are long"
)]

mod agreeing;
mod aladia;
mod cluster;
mod command_line;
mod crashing;
mod damage;
mod documents;
mod doors;
mod facades;
mod faults;
mod healing;
mod house;
mod ibl;
mod keys;
mod ledger;
mod malformed;
mod operating;
mod racing;
mod reading;
mod serving;
mod transferring;
mod two_writers;
mod uipath;
mod year;

use ledger::Ledger;
