//! The audit against journals of every kind: honest, lying, altered, cut.

mod altered;
mod claimed;
mod forge;
mod guarded;
mod lying;
mod paid;
mod scored;
mod stored;
