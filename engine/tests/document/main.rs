//! The examples of docs/matching.md, played on the whole exchange: those of a book, with accounts that lack nothing, and
//! those that need limits, clocks or an operator.

mod exchange;
#[path = "../kit/mod.rs"]
mod kit;
mod lines;
mod said;
#[path = "../../../matching/tests/script/mod.rs"]
mod script;

use exchange::Exchange;
use script::parse::Action;
use script::{Block, blocks, play};

const DOCUMENT: &str = include_str!("../../../docs/matching.md");
const KINDS: &[&str] = &["book", "exchange"];

/// An exchange has no bands of a given width in ticks, but in parts of the last price: `exchange` blocks show those.
fn needs_a_bare_book(block: &Block) -> bool {
    block.steps.iter().any(|step| matches!(step.command.action, Action::Band(_)))
}

fn differs(block: &Block) -> Option<String> {
    let mut exchange = Exchange::new();
    play(block, &mut exchange).err().map(|differs| format!("docs/matching.md, the exchange, {differs}"))
}

#[test]
fn every_example_holds_on_the_exchange() {
    let mut examples = blocks(DOCUMENT, KINDS).expect("every line is understood");
    let all = examples.len();
    examples.retain(|block| !needs_a_bare_book(block));
    assert!(examples.len() + 3 >= all, "{} of {all} examples are left out", all - examples.len());
    let differing: Vec<String> = examples.iter().filter_map(differs).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_line_of_an_exchange_example_counts() {
    for block in blocks(DOCUMENT, &["exchange"]).expect("every line is understood") {
        for step in 0..block.steps.len() {
            for at in 0..block.steps[step].expected.len() {
                let mut wrong = block.clone();
                let (line, text) = &mut wrong.steps[step].expected[at];
                text.push('0');
                let line = *line;
                let seen = differs(&wrong).unwrap_or_default();
                assert!(seen.contains(&format!("line {line}:")), "line {line} may say anything: {seen}");
            }
        }
    }
}
