//! The little language of the examples in docs/matching.md: how blocks are found in the document, and how what an
//! example says is held against what a world does. What the lines mean is in `parse`.

#![allow(dead_code, reason = "each test binary uses its part of the language")]

pub mod parse;

use parse::Command;
use std::fmt;

/// One fenced block of the document.
#[derive(Debug, Clone)]
pub struct Block {
    /// The word behind the fence.
    pub kind: String,
    pub steps: Vec<Step>,
}

/// A command and the lines that say what follows from it.
#[derive(Debug, Clone)]
pub struct Step {
    pub line: usize,
    pub command: Command,
    /// Each with its line number and without its arrow.
    pub expected: Vec<(usize, String)>,
}

/// Whatever plays the commands.
pub trait World {
    /// Does what a line says and tells what happened, a line each. Nothing is told of an order that rests whole at its
    /// own price, and of a command that does just what it says.
    fn run(&mut self, command: &Command) -> Result<Vec<String>, String>;

    /// What stands behind a word such as `book` now; `None` if it is none of the words for a state.
    fn show(&self, what: &str) -> Option<String>;
}

/// The first line of an example that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    pub line: usize,
    pub says: String,
    pub happens: String,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: it says `{}`, but: {}", self.line, self.says, self.happens)
    }
}

/// The blocks of a document that are examples: those whose kind is one of `kinds`.
pub fn blocks(document: &str, kinds: &[&str]) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, text) in (1..).zip(document.lines().map(str::trim)) {
        let fence = text.strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(kind)) => open = Some(Block { kind: kind.to_owned(), steps: Vec::new() }),
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) if kinds.contains(&block.kind.as_str()) => {
                add_line(block, number, text).map_err(|why| format!("line {number}: {why}"))?;
            }
            (Some(_), None) => {}
        }
    }
    blocks.retain(|block| kinds.contains(&block.kind.as_str()));
    Ok(blocks)
}

fn add_line(block: &mut Block, number: usize, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let Some(expected) = text.strip_prefix("-> ") else {
        let command = text.parse()?;
        block.steps.push(Step { line: number, command, expected: Vec::new() });
        return Ok(());
    };
    let step = block.steps.last_mut().ok_or("an arrow before the first command")?;
    step.expected.push((number, expected.to_owned()));
    Ok(())
}

/// The headings under which there is text and no example.
pub fn sections_without_example<'a>(document: &'a str, kinds: &[&str]) -> Vec<&'a str> {
    let mut without = Vec::new();
    let mut heading = None;
    let (mut has_text, mut has_example, mut in_block) = (false, false, false);
    for line in document.lines().chain(["## end"]) {
        if let Some(kind) = line.strip_prefix("```") {
            has_example |= !in_block && kinds.contains(&kind);
            in_block = !in_block;
        } else if !in_block && line.starts_with("##") {
            without.extend(heading.filter(|_| has_text && !has_example));
            (heading, has_text, has_example) = (Some(line), false, false);
        } else {
            has_text |= !line.trim().is_empty();
        }
    }
    without
}

/// Plays a block; fails at the first line that differs.
pub fn play(block: &Block, world: &mut dyn World) -> Result<(), Differs> {
    for step in &block.steps {
        let says = step.command.text.clone();
        let happened =
            world.run(&step.command).map_err(|happens| Differs { line: step.line, says, happens })?;
        let mut happened = happened.into_iter();
        for (line, says) in &step.expected {
            let shown =
                says.split_once(": ").and_then(|(what, _)| Some(format!("{what}: {}", world.show(what)?)));
            let happens =
                shown.or_else(|| happened.next()).unwrap_or_else(|| "nothing more happens".to_owned());
            if happens != *says {
                return Err(Differs { line: *line, says: says.clone(), happens });
            }
        }
        if let Some(happens) = happened.next() {
            let says = step.command.text.clone();
            return Err(Differs {
                line: step.line,
                says,
                happens: format!("{happens} (and no line says so)"),
            });
        }
    }
    Ok(())
}
