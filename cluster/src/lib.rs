//! A throw-away PostgreSQL server for tests: found, started on loopback, and ended with whoever started it.
