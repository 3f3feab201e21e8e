//! The product from outside: the real binary, the real nats-server, NATS and HTTP only.
//!
//! Every test has a ledger of its own, in a folder of its own, on ports from the system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test that cannot go on fails"
)]

mod command_line;
mod crashing;
mod damage;
mod documents;
mod doors;
mod healing;
mod house;
mod ledger;
mod malformed;
mod operating;
mod racing;
mod reading;
mod serving;
mod two_writers;

use ledger::Ledger;
