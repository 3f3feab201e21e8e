//! Ask, post and HTTP: one document, one answer.
