//! Killed at any moment, started again: what was answered is there once.
