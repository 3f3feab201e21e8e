//! The house style: directions of dependency, file sizes, no forgotten tests.
