//! Health, readiness, metrics, wrong settings, old servers.
