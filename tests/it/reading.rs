//! Every question of the API, now and as of the past.
