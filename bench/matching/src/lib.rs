//! How fast a book is, on files of commands whose result is known.
//!
//! [`workload`] reads and writes such files, [`generate`] makes them. [`plain`] is a tree of queues: the oracle for what a
//! file's commands come to, and the yardstick that speed is divided by. [`book`] drives the book of the exchange through
//! the interface that the engine uses. Both are an [`Engine`], as is every order book that is compared with them.

pub mod book;
pub mod command_line;
mod engine;
pub mod generate;
pub mod instructions;
pub mod known;
pub mod measure;
pub mod memory;
pub mod plain;
pub mod report;
mod tally;
pub mod workload;

pub use engine::Engine;
pub use tally::Tally;
