//! `cargo xtask`: one entry for every habit of this repository.
//!
//! What a person runs by hand and what CI runs are the same functions. There is no state and no configuration: each
//! task is a list of steps, every step says what it does and how long it took, and the first failure ends the run.

mod bench;
mod binary;
mod ccxt;
mod ci;
mod crash;
mod docs;
mod layers;
mod makers;
mod mutations;
mod node;
mod openapi;
mod postgres;
mod python;
mod schemathesis;
mod seeded;
mod step;
mod suite;
mod typescript;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// One entry for every habit of this repository: tests, checks, the API document, benchmarks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all tests of the workspace, doc tests included.
    ///
    /// First makes sure that what the tests need is there: a C compiler, for SQLite; PostgreSQL's server, of which
    /// a throw-away one runs beside the tests; cmake, a C++ compiler and Boost, for the Bitcoin node of the tests. As root on Debian what is missing is installed, otherwise the command
    /// that installs it is printed. A server of your own is used instead if its address stands in
    /// BANDEX_TEST_POSTGRES (for a user who may create databases and end connections).
    Test,
    /// Everything a change must pass: formatting, lints, layers, the API document, and the tests as README.md says.
    Ci,
    /// Hold the architecture: who may depend on whom, what pure crates may not touch, how files look.
    ///
    /// Checks the arrows between crates, which crates may reach tokio, sqlx or axum, that pure crates have no clock,
    /// chance, hash order, floats or IO, that every source file opens with `//!` and stays under its size, and that
    /// the folders a newcomer looks for exist.
    Layers,
    /// Write openapi/openapi.json, openapi/asyncapi.yaml and docs/errors.md from the server's own code.
    Openapi {
        /// Write nothing; fail if the file is not what the code says.
        #[arg(long)]
        check: bool,
    },
    /// Hold sdk/typescript to openapi.json, to the golden vectors and to a running exchange.
    ///
    /// Needs Node 20 or newer and npm, which are installed as root on Debian; otherwise the command is printed.
    Typescript,
    /// Install the Python package as a user does, check its types, and run its tests against a real exchange.
    ///
    /// The packages that are needed come from PyPI, with pinned versions, into target/python; as root on Debian
    /// python3-venv is installed if it is missing. BANDEX_BIN names another binary of the exchange than the one that
    /// is built.
    Python,
    /// Run every example of docs/api.md, and demand one of each kind for every endpoint, channel and method.
    Docs(docs::Options),
    /// Ask a running exchange whatever openapi.json allows and more, and hold every answer to that document.
    ///
    /// Needs Python 3 with venv, which is installed as root on Debian; otherwise the command is printed.
    Schemathesis(schemathesis::Options),
    /// Run the exchange test-suite inside the package ccxt on our class, in all its modes, and our own tests through it.
    ///
    /// Makes a Python environment in target/python with ccxt from PyPI, builds the exchange and the Python package, and
    /// starts exchanges of its own. Fails on any failure, warning or traceback that the suite prints, since it ends with
    /// 0 whatever happens, and on a mode that tested nothing.
    Ccxt(ccxt::Options),
    /// Break the exchange on purpose, one way after another, and demand that `bandex simulate` finds each of them.
    ///
    /// Works on a copy of the tracked files; takes several minutes, most of them building.
    Mutations,
    /// Run a benchmark in release mode.
    ///
    /// e2e: signed orders a second through a server. restart: a start on a long journal. storage: bytes a record and a
    /// deal. epoch: from the end of an epoch of the trust graph to its scores, through a server. matching: commands a second of the book, on workload files (--file) or on ones made anew; with --peers also
    /// of other people's books. instructions: instructions a command of the book. generate: writes a workload file (KIND
    /// OUT [N] [SEED]). engine: the same files through the engine, with all it does around the book. sockets: thousands of
    /// WebSockets on one server under recorded flow. trust: attacks on scores and limits, cheats in recorded flow. Arguments follow the name, after `--` or without it; --help after `--` lists them.
    Bench {
        /// Which benchmark.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(bench::KNOWN))]
        name: String,
        /// Arguments for the benchmark itself.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Hold the fast book against the naive one: ten million random commands with every feature on, from a printed seed.
    ///
    /// --seed N repeats a run, --commands N shortens it, --json prints what happened how often. A difference is shrunk to
    /// the shortest list of commands that shows it.
    Oracle {
        /// Arguments for the program itself.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Let market makers in Rust and Python trade on a bad line, stop and start the server, and compare at the end every
    /// value they hold (book, orders, fills, balances) with the exchange's pages, field by field.
    Makers(makers::Options),
    /// Kill the server under load again and again; nothing acknowledged may be lost, nothing applied twice.
    Crash(crash::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test => suite::run(),
        Task::Ci => ci::run(),
        Task::Layers => layers::run(),
        Task::Openapi { check: true } => openapi::check(),
        Task::Openapi { check: false } => openapi::write(),
        Task::Typescript => typescript::run(),
        Task::Python => python::run(),
        Task::Docs(options) => docs::run(&options),
        Task::Schemathesis(options) => schemathesis::run(&options),
        Task::Ccxt(options) => ccxt::run(&options),
        Task::Mutations => mutations::run(),
        Task::Bench { name, args } => bench::run(&name, &args),
        Task::Oracle { args } => bench::oracle(&args),
        Task::Makers(options) => makers::run(&options),
        Task::Crash(options) => crash::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_benchmark_takes_what_follows_its_name() {
        let check = |line: &str, taken: Option<&[&str]>| {
            let parsed = Cli::try_parse_from(line.split(' '));
            let args = match parsed.ok().map(|cli| cli.task) {
                Some(Task::Bench { args, .. }) => Some(args),
                _ => None,
            };
            assert_eq!(args, taken.map(|words| words.iter().map(ToString::to_string).collect()), "{line}");
        };
        check("xtask bench e2e", Some(&[]));
        check("xtask bench e2e -- --orders 5", Some(&["--orders", "5"]));
        check("xtask bench e2e --orders 5", Some(&["--orders", "5"]));
        check("xtask bench e2e -- --help", Some(&["--help"]));
        check("xtask bench matching --file a --peers --json", Some(&["--file", "a", "--peers", "--json"]));
        check("xtask bench generate n1k out.bin 5 42", Some(&["n1k", "out.bin", "5", "42"]));
        check("xtask bench nothing", None);
        check("xtask oracle --seed 1", None);
    }
}
