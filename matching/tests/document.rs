//! The examples of docs/matching.md, each played on the book and on the naive one.

mod books;
mod script;

use bandex_matching::Book;
use bandex_matching::naive::NaiveBook;
use books::Market;
use script::{Block, World, blocks, play, sections_without_example};

const DOCUMENT: &str = include_str!("../../docs/matching.md");
/// The examples of a book alone. Those of an exchange around it (`exchange`) are played in the engine's tests.
const BOOK: &[&str] = &["book"];
const ALL: &[&str] = &["book", "exchange"];

fn worlds() -> [(&'static str, Box<dyn World>); 2] {
    [
        ("the book", Box::new(Market::<Book>::default())),
        ("the naive book", Box::new(Market::<NaiveBook>::default())),
    ]
}

/// The first line that differs on one of the books, if any does.
fn differs(block: &Block) -> Option<String> {
    worlds().into_iter().find_map(|(name, mut world)| {
        play(block, &mut *world).err().map(|differs| format!("docs/matching.md, {name}, {differs}"))
    })
}

#[test]
fn every_example_holds_on_both_books() {
    let differing: Vec<String> = examples().iter().filter_map(differs).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn examples() -> Vec<Block> {
    let examples = blocks(DOCUMENT, BOOK).expect("every line is understood");
    assert!(examples.len() > 40, "{} examples", examples.len());
    examples
}

#[test]
fn every_section_has_an_example() {
    assert_eq!(sections_without_example(DOCUMENT, ALL), Vec::<&str>::new());
}

#[test]
fn every_line_of_an_example_counts() {
    for block in examples() {
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

/// A document of one block, and where and how it is wrong.
fn check(text: &str, expected: Result<(), &str>) {
    let document = format!("## One\n```book\n{text}\n```\n");
    let seen = blocks(&document, BOOK).and_then(|blocks| blocks.iter().find_map(differs).map_or(Ok(()), Err));
    match expected {
        Ok(()) => assert_eq!(seen, Ok(()), "{text}"),
        Err(expected) => assert!(seen.clone().is_err_and(|seen| seen.contains(expected)), "{text}: {seen:?}"),
    }
}

#[test]
fn a_wrong_example_fails_at_its_line() {
    check("alice sells 5 at 10\nbob buys 5 at 10\n-> bob buys 5 at 10 from alice", Ok(()));
    check("alice sells 5 at 10\nbob buys 5 at 10", Err("line 4: it says `bob buys 5 at 10`, but: bob buys"));
    check("alice sells 5 at 10\n-> alice rests 5 at 10", Err("line 4: it says `alice rests"));
    check("alice sells 5 at 10\n-> book: - | 6 at 10", Err("but: book: - | 5 at 10"));
    check(
        "alice sells 5 at 10\nalice sells 5 at 10",
        Err("line 4: it says `alice sells 5 at 10`, but: there is"),
    );
    check("cancel alice", Err("there was never a resting order called alice"));
    check("the sun shines", Err("a book does not know this line"));
    check("-> alice rests", Err("line 3: an arrow before the first command"));
    check("alice sells five at 10", Err("line 3: `five` is no number"));
    check("alice sells 5 at market", Err("line 3: a market order says how far it may go"));
    check("alice sells 5 at market, up to 9", Err("line 3: what is `up to 9`?"));
    check("alice sells 5 at 10, self-trade often", Err("line 3: `often` is no self-trade mode"));
    check("alice sells 5", Err("line 3: how much at which price?"));
}

#[test]
fn a_section_without_example_is_found() {
    let check = |document: &str, expected: &[&str]| {
        assert_eq!(sections_without_example(document, BOOK), expected, "{document}");
    };
    check("# Title\ntext\n## A\ntext\n```book\n```\n", &[]);
    check("## A\n### B\ntext\n```book\n## no heading\n```\n## C\ntext\n", &["## C"]);
    check("## A\ntext\n```text\n```\n### B\n```book\n```\n", &["## A"]);
}
