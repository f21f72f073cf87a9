//! What several measurements share.

pub mod history;
