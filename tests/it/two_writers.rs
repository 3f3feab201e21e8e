//! Two processes on one ledger: the fence decides.
