//! What the source of the pure crates may not touch, and where money may not become a float.

use super::SourceFile;
use super::arrows::PURE;
use super::lexer::{Kind, Token, begins_with, bracketed, is_float, tokens};
use std::collections::BTreeSet;

const ORDER: &str = "its order differs from run to run; use BTreeMap, BTreeSet or Vec";
const CLOCK: &str = "a pure crate has no clock; time comes in with the command";
const CHANCE: &str = "a pure crate has no chance; what it needs comes in with the command";
const FLOAT: &str = "floats round; use the integer types of bandex-types";
const OUTSIDE: &str = "a pure crate does no IO and starts no threads; std::io::Write is all it may have";

const WORDS: [(&str, &str); 10] = [
    ("HashMap", ORDER),
    ("HashSet", ORDER),
    ("hash_map", ORDER),
    ("hash_set", ORDER),
    ("SystemTime", CLOCK),
    ("Instant", CLOCK),
    ("rand", CHANCE),
    ("getrandom", CHANCE),
    ("f32", FLOAT),
    ("f64", FLOAT),
];

const STD_MODULES: [&str; 5] = ["env", "fs", "net", "process", "thread"];

/// The crates outside the pure ones that hold money and so have no floats either.
const NO_FLOATS: [&str; 7] = ["api", "exchange", "journal", "rails", "wallet", "sdk", "agent"];

/// The files that may have floats all the same, and why. One that has none any more must leave the list.
const FLOATS_ALLOWED: [(&str, &str); 1] =
    [("exchange/src/edge/metrics.rs", "Prometheus counts seconds in floats; none of them is money")];

/// Scans the `src/` folders of the pure crates, and of those that hold money.
pub fn check(files: &[SourceFile]) -> Vec<String> {
    check_with(files, &FLOATS_ALLOWED)
}

fn check_with(files: &[SourceFile], floats_allowed: &[(&str, &str)]) -> Vec<String> {
    let tests: BTreeSet<String> = files.iter().flat_map(test_modules).collect();
    let mut findings = Vec::new();
    let mut floating = BTreeSet::new();
    for file in files.iter().filter(|file| !is_test(&file.path, &tests)) {
        let all = tokens(&file.text);
        let code = all.get(..tests_at(&all).unwrap_or(all.len())).unwrap_or_default();
        let is_pure = in_source_of(&file.path, &PURE);
        let found: Vec<Found<'_>> = if is_pure {
            impurities(code)
        } else if in_source_of(&file.path, &NO_FLOATS) {
            code.iter().filter_map(float).collect()
        } else {
            continue;
        };
        if found.iter().any(|(.., why)| *why == FLOAT) {
            floating.insert(file.path.as_str());
        }
        // No reason is good enough in a pure crate.
        let is_excused = !is_pure && floats_allowed.iter().any(|(path, _)| *path == file.path);
        let kept = found.into_iter().filter(|(.., why)| !(is_excused && *why == FLOAT));
        findings.extend(kept.map(|(line, what, why)| format!("{}:{line}: {what}: {why}", file.path)));
    }
    let stale = floats_allowed.iter().filter(|(path, _)| !floating.contains(path));
    findings
        .extend(stale.map(|(path, _)| format!("{path}: has no floats; take it off the list of exceptions")));
    findings
}

fn in_source_of(path: &str, crates: &[&str]) -> bool {
    path.split_once("/src/").is_some_and(|(folder, _)| crates.contains(&folder))
}

type Found<'a> = (usize, String, &'a str);

/// Every word and module of the standard library that a pure crate may not name.
fn impurities<'a>(code: &'a [Token<'a>]) -> Vec<Found<'a>> {
    let words = code.iter().filter_map(|token| {
        let Kind::Word(word) = token.kind else { return None };
        let (_, why) = WORDS.iter().find(|(banned, _)| *banned == word)?;
        Some((token.line, word.to_owned(), *why))
    });
    let literals = code.iter().filter(|token| matches!(token.kind, Kind::Number(_))).filter_map(float);
    let modules = (0..code.len()).flat_map(|at| std_modules(code.get(at..).unwrap_or_default()));
    let banned = modules.filter(|(_, module)| STD_MODULES.contains(module));
    let mut found: Vec<Found<'a>> = words.chain(literals).collect();
    found.extend(banned.map(|(line, module)| (line, format!("std::{module}"), OUTSIDE)));
    found.sort_by_key(|(line, ..)| *line);
    found
}

/// The float that a token is, by type or by literal.
fn float<'a>(token: &Token<'a>) -> Option<Found<'a>> {
    match token.kind {
        Kind::Word(text @ ("f32" | "f64")) => Some((token.line, text.to_owned(), FLOAT)),
        Kind::Number(text) if is_float(text) => Some((token.line, text.to_owned(), FLOAT)),
        _ => None,
    }
}

/// The modules that a path or an import beginning here takes from the standard library: of `std::fs::File` and of
/// `std::{fs::File, net}` the `fs`, and the `net`.
fn std_modules<'a>(code: &'a [Token<'a>]) -> Vec<(usize, &'a str)> {
    if !begins_with(code, "std : :") {
        return Vec::new();
    }
    let path = code.get(3..).unwrap_or_default();
    if !begins_with(path, "{") {
        return path.first().into_iter().filter_map(word).collect();
    }
    let group = path.get(..bracketed(path)).unwrap_or_default();
    let mut depth = 0_usize;
    let mut modules = Vec::new();
    let mut heads = false;
    for token in group {
        match token.kind {
            Kind::Mark('{') => depth = depth.saturating_add(1),
            Kind::Mark('}') => depth = depth.saturating_sub(1),
            Kind::Word(_) if heads && depth == 1 => modules.extend(word(token)),
            _ => {}
        }
        heads = matches!(token.kind, Kind::Mark('{' | ','));
    }
    modules
}

fn word<'a>(token: &Token<'a>) -> Option<(usize, &'a str)> {
    match token.kind {
        Kind::Word(word) => Some((token.line, word)),
        _ => None,
    }
}

/// Where the `#[cfg(test)]` module at the end of a file begins, as an index into its tokens.
pub fn tests_at(code: &[Token<'_>]) -> Option<usize> {
    (0..code.len()).find(|at| {
        let rest = code.get(*at..).unwrap_or_default();
        module_of_tests(rest).is_some_and(|(_, body)| begins_with(body, "{") && bracketed(body) == body.len())
    })
}

/// The name of the `#[cfg(test)] mod` that `code` begins with, and what follows the name.
fn module_of_tests<'c, 'a>(code: &'c [Token<'a>]) -> Option<(&'a str, &'c [Token<'a>])> {
    const CONDITION: &str = "# [ cfg ( test ) ]";
    if !begins_with(code, CONDITION) {
        return None;
    }
    let mut rest = code.get(CONDITION.split(' ').count()..)?;
    while begins_with(rest, "#") {
        let attribute = rest.get(1..)?;
        rest = attribute.get(bracketed(attribute)..)?;
    }
    let body = rest.get(2..)?;
    let (_, name) = rest.get(1).and_then(word).filter(|_| begins_with(rest, "mod"))?;
    Some((name, body))
}

/// The paths, without `.rs`, of the modules that `file` declares for tests only.
fn test_modules(file: &SourceFile) -> Vec<String> {
    let code = tokens(&file.text);
    let folder = match file.path.strip_suffix(".rs").map(|stem| (stem, stem.rsplit_once('/'))) {
        Some((_, Some((folder, "lib" | "main" | "mod")))) => folder,
        Some((stem, _)) => stem,
        None => return Vec::new(),
    };
    let declared = (0..code.len()).filter_map(|at| module_of_tests(code.get(at..)?));
    let elsewhere = declared.filter(|(_, rest)| begins_with(rest, ";"));
    elsewhere.map(|(name, _)| format!("{folder}/{name}")).collect()
}

/// Whether the file is one of these modules, or lies inside one.
fn is_test(path: &str, modules: &BTreeSet<String>) -> bool {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    modules.iter().any(|module| {
        stem.strip_prefix(module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// Scans one file and compares the places and words found.
    fn check_text(path: &str, text: &str, found: &[&str]) {
        let findings = check_with(&[file(path, text)], &[]);
        let heads: Vec<&str> =
            findings.iter().map(|one| one.rsplit_once(": ").map_or(one.as_str(), |pair| pair.0)).collect();
        assert_eq!(heads, found, "{text}");
    }

    #[test]
    fn pure_crates_touch_nothing_from_outside() {
        let check = |text: &str, found: &[&str]| check_text("engine/src/a.rs", text, found);
        check("use std::collections::BTreeMap;\nuse std::io::Write;\nuse std::time::Duration;", &[]);
        check("use std::collections::HashMap;", &["engine/src/a.rs:1: HashMap"]);
        check("\nlet s: HashSet<u8>;", &["engine/src/a.rs:2: HashSet"]);
        check("std::time::SystemTime::now()", &["engine/src/a.rs:1: SystemTime"]);
        check("let t = Instant::now();", &["engine/src/a.rs:1: Instant"]);
        check(
            "use rand::Rng; getrandom::fill(&mut b)",
            &["engine/src/a.rs:1: rand", "engine/src/a.rs:1: getrandom"],
        );
        check("let x: f64 = y as f32;", &["engine/src/a.rs:1: f64", "engine/src/a.rs:1: f32"]);
        check("let half = 0.5;", &["engine/src/a.rs:1: 0.5"]);
        check("std::thread::spawn(run);", &["engine/src/a.rs:1: std::thread"]);
        check("use std::fs;", &["engine/src/a.rs:1: std::fs"]);
        check("let a: std::net::IpAddr;", &["engine/src/a.rs:1: std::net"]);
        check("std::env::var(\"X\")", &["engine/src/a.rs:1: std::env"]);
        check(
            "use std::{\n    collections::{BTreeMap, hash_map},\n    env, fmt,\n    fs::{self, File},\n};",
            &["engine/src/a.rs:2: hash_map", "engine/src/a.rs:3: std::env", "engine/src/a.rs:4: std::fs"],
        );
    }

    #[test]
    fn comments_strings_and_other_words_do_not_trip_it() {
        let check = |text: &str| check_text("matching/src/a.rs", text, &[]);
        check("//! No HashMap, no f64, no std::fs.");
        check("/// An Instant /* in */ words.\nfn f() {}");
        check("let a = \"std::thread::spawn f64 1.5\"; let b = r#\"HashMap\"#;");
        check("let grand = operand; instant(); net.fs.env; x.0.1; 0..5;");
        check("my::fs::read(); env!(\"X\");");
    }

    #[test]
    fn tests_may_do_what_they_want() {
        check_text(
            "types/src/a.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests {\n use std::fs;\n fn g() { 1.5 }\n}\n",
            &[],
        );
        check_text("types/src/a.rs", "#[cfg(test)]\n#[allow(x)]\nmod tests { use rand::Rng; }\n", &[]);
        check_text("types/tests/a.rs", "use std::fs;", &[]);
        // A module of tests that is not the end of the file does not hide what follows it.
        check_text(
            "types/src/a.rs",
            "#[cfg(test)]\nmod tests {}\nuse std::fs;",
            &["types/src/a.rs:3: std::fs"],
        );
        check_text(
            "types/src/a.rs",
            "#[cfg(feature)]\nmod tests { use std::fs; }",
            &["types/src/a.rs:2: std::fs"],
        );
    }

    #[test]
    fn a_file_declared_for_tests_only_is_one() {
        let check = |parent: &str, declaration: &str, child: &str, findings: usize| {
            let found = check_with(&[file(parent, declaration), file(child, "use std::fs;")], &[]);
            assert_eq!(found.len(), findings, "{parent}: {declaration}: {child}");
        };
        check("types/src/deal.rs", "#[cfg(test)]\nmod tests;\nfn f() {}", "types/src/deal/tests.rs", 0);
        check("types/src/lib.rs", "#[cfg(test)] mod support;", "types/src/support/mod.rs", 0);
        check("types/src/a/mod.rs", "#[cfg(test)] mod support;", "types/src/a/support.rs", 0);
        check("types/src/deal.rs", "mod tests;", "types/src/deal/tests.rs", 1);
        check("types/src/lib.rs", "#[cfg(test)] mod support;", "types/src/supporters.rs", 1);
    }

    #[test]
    fn floats_stay_out_where_money_is() {
        check_text(
            "exchange/src/a.rs",
            "let rate: f64 = 1.5;",
            &["exchange/src/a.rs:1: f64", "exchange/src/a.rs:1: 1.5"],
        );
        check_text("exchange/src/a.rs", "use std::{fs, net, time::Instant};", &[]);
        check_text("cli/src/a.rs", "let rate = 1.5;", &[]);
        let floating = [file("sdk/src/rates.rs", "let rate = 1.5;")];
        let whole = [file("sdk/src/rates.rs", "let rate = 1;")];
        let list = [("sdk/src/rates.rs", "a rate for people's eyes")];
        assert!(check_with(&floating, &list).is_empty());
        assert_eq!(check_with(&floating, &[]).len(), 1);
        let pure = [file("types/src/rates.rs", "let rate = 1.5;")];
        assert_eq!(check_with(&pure, &[("types/src/rates.rs", "no reason is good enough")]).len(), 1);
        let stale = check_with(&whole, &list);
        assert_eq!(stale, ["sdk/src/rates.rs: has no floats; take it off the list of exceptions"]);
    }
}
