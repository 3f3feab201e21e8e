//! A damaged log is named and stopped at, never skipped.
