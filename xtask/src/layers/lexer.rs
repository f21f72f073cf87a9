//! Just enough of Rust's lexical rules to tell code from comments and strings, and a module of tests from the rest.
//!
//! After the chapters "Tokens" and "Comments" of the Rust reference. Source that does not compile is lexed somehow:
//! the compiler refuses it anyway.

/// A piece of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The line it begins in, from 1.
    pub line: usize,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a token is. Comments are no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An identifier or keyword.
    Word(&'a str),
    /// A number with its suffix.
    Number(&'a str),
    /// One character of punctuation.
    Mark(char),
    /// A string, a character or a lifetime.
    Quoted,
}

/// The tokens of `source`.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let (mut rest, mut line) = (source, 1_usize);
    while let Some(first) = rest.chars().next() {
        let after_dot = found.last().is_some_and(|token| token.kind == Kind::Mark('.'));
        let (length, kind) = measure(rest, first, after_dot);
        let (piece, tail) = rest.split_at(length);
        let kind = match kind {
            Class::Space => None,
            Class::Quoted => Some(Kind::Quoted),
            Class::Number => Some(Kind::Number(piece)),
            Class::Word => Some(Kind::Word(piece)),
            Class::Mark => Some(Kind::Mark(first)),
        };
        found.extend(kind.map(|kind| Token { line, kind }));
        line = line.saturating_add(piece.matches('\n').count());
        rest = tail;
    }
    found
}

enum Class {
    Space,
    Quoted,
    Number,
    Word,
    Mark,
}

/// The length in bytes and the class of what `rest` begins with.
fn measure(rest: &str, first: char, after_dot: bool) -> (usize, Class) {
    if first.is_whitespace() {
        (first.len_utf8(), Class::Space)
    } else if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), Class::Space)
    } else if rest.starts_with("/*") {
        (block_comment(rest), Class::Space)
    } else if let Some(length) = raw_string(rest) {
        (length, Class::Quoted)
    } else if first == '"' {
        (closing(rest, '"'), Class::Quoted)
    } else if first == '\'' {
        (quote(rest), Class::Quoted)
    } else if first.is_ascii_digit() {
        (number(rest, after_dot), Class::Number)
    } else if is_word(first) {
        (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), Class::Word)
    } else {
        (first.len_utf8(), Class::Mark)
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Comments of this kind nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        let step = if tail.starts_with("/*") {
            depth = depth.saturating_add(1);
            2
        } else if tail.starts_with("*/") {
            depth = depth.saturating_sub(1);
            2
        } else {
            tail.chars().next().map_or(1, char::len_utf8)
        };
        at = at.saturating_add(step);
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#` and so on, also of bytes and C strings.
fn raw_string(rest: &str) -> Option<usize> {
    let after_prefix = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let body = after_prefix.trim_start_matches('#');
    let hashes = after_prefix.len().checked_sub(body.len())?;
    let inside = body.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let tail = inside.find(&end).map_or(0, |at| inside.len().saturating_sub(at).saturating_sub(end.len()));
    rest.len().checked_sub(tail)
}

/// The length up to and with the closing `end`, escapes skipped; `rest` begins with the opening one.
fn closing(rest: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == end {
            return at.saturating_add(c.len_utf8());
        }
    }
    rest.len()
}

/// A character literal, or the lifetime that begins the same way.
fn quote(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    let (second, third) = (inside.next(), inside.next());
    let is_character = second.is_some_and(|(_, c)| c == '\\') || third.is_some_and(|(_, c)| c == '\'');
    if is_character {
        return closing(rest, '\'');
    }
    let name = rest.get(1..).unwrap_or_default();
    name.find(|c| !is_word(c)).unwrap_or(name.len()).saturating_add(1)
}

/// A number with fraction, exponent and suffix. After a dot it is a tuple's field and ends at the next dot.
fn number(rest: &str, after_dot: bool) -> usize {
    let word_end = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from.saturating_add(tail.find(|c| !is_word(c)).unwrap_or(tail.len()))
    };
    let mut end = word_end(0);
    let after = |at: usize| rest.get(at..).unwrap_or_default();
    if let Some(fraction) = after(end).strip_prefix('.').filter(|_| !after_dot) {
        // `1..2` is a range and `1.max(2)` a call; `1.5` and `1.` are one number.
        let next = fraction.chars().next();
        if next.is_none_or(|c| c.is_ascii_digit() || !(c == '.' || is_word(c))) {
            end = word_end(end.saturating_add(1));
        }
    }
    let piece = rest.get(..end).unwrap_or_default();
    // Not of `0x1e-1` and `1usize-1`, which are subtractions.
    let mantissa = piece.strip_suffix(['e', 'E']).unwrap_or("x");
    let exponent = mantissa.chars().all(|c| matches!(c, '.' | '_') || c.is_ascii_digit());
    if exponent && after(end).starts_with(['+', '-']) {
        end = word_end(end.saturating_add(1));
    }
    end
}

/// A number that is a float by its fraction, exponent or suffix.
pub fn is_float(number: &str) -> bool {
    if ["0x", "0b", "0o"].iter().any(|prefix| number.starts_with(prefix)) {
        return false;
    }
    number.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit()).starts_with(['.', 'e', 'E', 'f'])
}

/// Whether `tokens` begin with the given marks and words, written with spaces between them.
pub fn begins_with(tokens: &[Token<'_>], pattern: &str) -> bool {
    let mut tokens = tokens.iter();
    pattern.split(' ').all(|expected| {
        tokens.next().is_some_and(|token| match token.kind {
            Kind::Word(word) => word == expected,
            Kind::Mark(mark) => expected.chars().eq([mark]),
            Kind::Number(_) | Kind::Quoted => false,
        })
    })
}

/// How many tokens at the front of `tokens`, which begin with an opening bracket, stand up to the closing one.
pub fn bracketed(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth = depth.saturating_add(1),
            Kind::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at.saturating_add(1);
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens as text: words and numbers as they are, `·` for anything quoted.
    fn shown(source: &str) -> String {
        let show = |token: Token<'_>| match token.kind {
            Kind::Word(text) | Kind::Number(text) => text.to_owned(),
            Kind::Mark(mark) => mark.to_string(),
            Kind::Quoted => "·".to_owned(),
        };
        tokens(source).into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn code_is_told_from_comments_and_strings() {
        let check = |source: &str, expected: &str| assert_eq!(shown(source), expected, "{source}");
        check("let a = 1; // f64", "let a = 1 ;");
        check("a /* f64 /* f64 */ f64 */ b", "a b");
        check("/* never closed f64", "");
        check(r#"p("f64 \" f64", x)"#, "p ( · , x )");
        check(r###"r#"f64 " f64"# x br"f64\" y"###, "· x · y");
        check("b\"f64\" b'f' 'f' '\\'' '\\u{1F600}' 'é'", "b · b · · · · ·");
        check("fn f<'a>(x: &'a str) -> &'static str", "fn f < · > ( x : & · str ) - > & · str");
        check("r#type row rate", "r # type row rate");
        check("\"// no comment\" f64", "· f64");
        check("größe · x", "größe · x");
    }

    #[test]
    fn numbers_end_where_they_should() {
        let check = |source: &str, expected: &str| assert_eq!(shown(source), expected, "{source}");
        check("1.5 + 1e-9 + 2.5E+3f64", "1.5 + 1e-9 + 2.5E+3f64");
        check("0..5", "0 . . 5");
        check("x.0.1", "x . 0 . 1");
        check("1.max(2)", "1 . max ( 2 )");
        check("(1.)", "( 1. )");
        check("0x1e-1", "0x1e - 1");
        check("1_000usize-1", "1_000usize - 1");
    }

    #[test]
    fn floats_are_known_by_their_form() {
        let check = |number: &str, float: bool| assert_eq!(is_float(number), float, "{number}");
        check("1.5", true);
        check("1e9", true);
        check("1_0f64", true);
        check("1.", true);
        check("1_000usize", false);
        check("0x1e9f32", false);
        check("7", false);
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let source = "a\n// x\n/* y\n y */ \"z\n\nz\" b\n";
        let lines: Vec<usize> = tokens(source).iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 4, 6]);
    }

    #[test]
    fn brackets_are_matched() {
        let check =
            |source: &str, expected: usize| assert_eq!(bracketed(&tokens(source)), expected, "{source}");
        check("{ a ( b ) } c", 6);
        check("{ '}' \"}\" }", 4);
        check("{ open", 2);
    }
}
