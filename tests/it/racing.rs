//! Many producers, few seats.
