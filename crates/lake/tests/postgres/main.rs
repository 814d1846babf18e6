//! Rows of a Postgres query, from a real server.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

mod refused;
mod rows;
mod server;
