//! Read models come back: deleted, rebuilt, swapped.
