//! The command line: every subcommand, its exit codes, and JSON on request.
