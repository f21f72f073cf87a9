//! `cargo xtask bench matching` and `cargo xtask bench instructions`.

use bandex_bench_matching::command_line::{Arguments, run};
use clap::Parser;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    run(&Arguments::parse(), &[])
}
