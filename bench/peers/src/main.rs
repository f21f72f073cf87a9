//! `cargo xtask bench matching --peers`: order books from crates.io beside the exchange's, on the same commands in the same
//! run.
//!
//! Each is driven through its own public interface, its way: what it is told of orders and what it tells of fills is what
//! its documentation shows. All share one driver, `driver`, which is as careful with them as the exchange's is.

mod driver;
mod lobster;
mod matchcore;
mod orderbook_rs;

use bandex_bench_matching::command_line::{Arguments, Peer, run};
use clap::Parser;
use driver::Driver;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let peers = [
        Peer::new::<Driver<matchcore::Books>>("matchcore 0.4", matchcore::NOTE),
        Peer::new::<Driver<lobster::Books>>("lobster 0.7", lobster::NOTE),
        Peer::new::<Driver<orderbook_rs::Books>>("orderbook-rs 0.15", ""),
    ];
    run(&Arguments::parse(), &peers)
}
