//! What is no command is told so, with a stable code, and nothing is written.
