//! Reads the command line, runs it, and says with the exit code how it went.

use std::process::ExitCode;

use clap::Parser as _;
use seatledger::{cli, natsd};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|it| it == natsd::GUARD_WORD) {
        return cli::fail(&natsd::guard(arguments).into());
    }
    let arguments = cli::Arguments::parse();
    cli::logging(&arguments);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(&error.into()),
    };
    let code = runtime.block_on(cli::run(arguments));
    runtime.shutdown_background();
    code
}
