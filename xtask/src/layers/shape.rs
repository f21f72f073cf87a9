//! How files look, and where a newcomer finds things.

use super::SourceFile;
use super::lexer::tokens;
use super::source::tests_at;
use std::path::Path;

/// The most lines a file may have, its module of tests at the end not counted.
const MOST_LINES: usize = 600;

/// What must exist, seen from the workspace's folder.
const PLACES: [&str; 7] =
    ["exchange", "matching", "settlement", "migrations", "openapi", "tests", "docker-compose.yml"];

/// Every file says first what it is for, and stays readable in one sitting.
pub fn check_files(files: &[SourceFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        if !file.text.starts_with("//!") {
            findings.push(format!("{}:1: must open with `//!`: what is this file for?", file.path));
        }
        let lines = lines_without_tests(&file.text);
        if lines > MOST_LINES {
            findings.push(format!(
                "{}: has {lines} lines without its tests; split it, {MOST_LINES} is the most",
                file.path
            ));
        }
    }
    findings
}

fn lines_without_tests(text: &str) -> usize {
    let code = tokens(text);
    match tests_at(&code).and_then(|at| code.get(at)) {
        Some(first) => first.line.saturating_sub(1),
        None => text.lines().count(),
    }
}

/// The folders and files that people and CI look for.
pub fn check_places(root: &Path) -> Vec<String> {
    let missing = PLACES.iter().filter(|place| !root.join(place).exists());
    missing.map(|place| format!("{place}: does not exist")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, found: &[&str]) {
        let file = SourceFile { path: "a.rs".to_owned(), text: text.to_owned() };
        assert_eq!(check_files(&[file]), found);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        check_text("//! A room.\n\nfn f() {}\n", &[]);
        let finding = "a.rs:1: must open with `//!`: what is this file for?";
        check_text("", &[finding]);
        check_text("fn f() {}\n", &[finding]);
        check_text("// A comment.\n//! A room.\n", &[finding]);
    }

    #[test]
    fn a_file_is_not_too_long() {
        let code = |lines: usize| format!("//! A room.\n{}", "fn f() {}\n".repeat(lines - 1));
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// A line.\n".repeat(500));
        check_text(&code(600), &[]);
        check_text(&format!("{}{tests}", code(600)), &[]);
        check_text(&code(601), &["a.rs: has 601 lines without its tests; split it, 600 is the most"]);
        check_text(
            &format!("{}{tests}", code(601)),
            &["a.rs: has 601 lines without its tests; split it, 600 is the most"],
        );
        let inside = format!("{}{tests}fn g() {{}}\n", code(200));
        check_text(&inside, &["a.rs: has 704 lines without its tests; split it, 600 is the most"]);
    }

    #[test]
    fn a_missing_place_is_named() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let found = check_places(&here);
        assert_eq!(found.len(), PLACES.len());
        assert!(found.contains(&"migrations: does not exist".to_owned()), "{found:?}");
    }
}
