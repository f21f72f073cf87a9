//! `cargo xtask bench trust`: runs the parts, prints what they found, writes the plots.

use anyhow::{Context, Result};
use bandex_bench_trust::options::Options;
use bandex_bench_trust::report::{as_json, as_text, broken};
use clap::Parser;
use std::fs;
use std::process::ExitCode;

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(accounts) = options.memory_of {
        println!("{}", bandex_bench_trust::cost::memory_of(accounts)?);
        return Ok(ExitCode::SUCCESS);
    }
    let reports = bandex_bench_trust::run(&options)?;
    if let Some(folder) = &options.plots {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for (name, svg) in reports.iter().flat_map(|report| &report.plots) {
            let path = folder.join(name);
            fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
    }
    let command: Vec<String> = std::env::args().skip(1).collect();
    let command = format!("cargo xtask bench trust {}", command.join(" "));
    if options.json {
        println!("{:#}", as_json(command.trim_end(), &reports))
    } else {
        println!("{}", as_text(&reports))
    }
    let broken = broken(&reports);
    for goal in &broken {
        eprintln!("broken: {} is {}, not {} or less", goal.name, goal.got, goal.goal);
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
