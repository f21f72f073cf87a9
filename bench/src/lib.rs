//! What several measurements share.

pub mod database;
pub mod history;
