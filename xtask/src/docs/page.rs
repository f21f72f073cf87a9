//! Reading docs/api.md: an entry is a heading that names an endpoint, a channel or a method, with the code under it.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt;

/// What the words after the fence of a code block say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A shell command with curl.
    Curl,
    /// A shell command with `bandex`.
    Bandex,
    /// Python, on the package `bandex`.
    Python,
    /// What is said on a WebSocket: `→` is sent, `←` is awaited.
    Frames,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Curl => "curl",
            Self::Bandex => "bandex",
            Self::Python => "python",
            Self::Frames => "frames",
        })
    }
}

/// A piece of code that is run.
#[derive(Debug, PartialEq, Eq)]
pub struct Example {
    /// How it is run.
    pub kind: Kind,
    /// What is run.
    pub code: String,
    /// The line of the page on which it begins.
    pub line: usize,
}

/// What stands under one heading.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// Such as `GET /v1/time`, `Channel book` or `Method submit`.
    pub title: String,
    /// Its examples, in order.
    pub examples: Vec<Example>,
    /// What each of them prints, but for those that say their answers themselves.
    pub answer: Option<Value>,
}

/// What the page says.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// Python that comes before every example in Python.
    pub prelude: String,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// What a title of an entry begins with.
const TITLES: [&str; 5] = ["GET ", "POST ", "DELETE ", "Channel ", "Method "];

/// Reads the page.
///
/// # Errors
/// A code block does not end, an answer is no JSON, or there are examples under a heading that names nothing.
pub fn read(text: &str) -> Result<Page> {
    let mut page = Page { prelude: String::new(), entries: Vec::new() };
    let mut in_entry = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').replace('`', "").trim().to_owned();
            in_entry = TITLES.iter().any(|start| title.starts_with(start));
            if in_entry {
                page.entries.push(Entry { title, examples: Vec::new(), answer: None });
            }
        }
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut code = String::new();
        loop {
            let (_, line) = lines.next().with_context(|| format!("line {number}: the code does not end"))?;
            if line.starts_with("```") {
                break;
            }
            code.push_str(line);
            code.push('\n');
        }
        let entry = if in_entry { page.entries.last_mut() } else { None };
        take(&mut page.prelude, entry, info, code, number.saturating_add(1))
            .with_context(|| format!("line {}", number.saturating_add(1)))?;
    }
    Ok(page)
}

/// Puts a code block where it belongs.
fn take(
    prelude: &mut String,
    entry: Option<&mut Entry>,
    info: &str,
    code: String,
    line: usize,
) -> Result<()> {
    let kind = match info {
        "python prelude" => {
            prelude.push_str(&code);
            return Ok(());
        }
        "sh curl" => Kind::Curl,
        "sh bandex" => Kind::Bandex,
        "python" => Kind::Python,
        "json frames" => Kind::Frames,
        "json" => {
            if let Some(entry) = entry {
                entry.answer = Some(serde_json::from_str(&code).context("the answer is no JSON")?);
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    let Some(entry) = entry else {
        bail!("an example of {kind} stands under no endpoint, channel or method")
    };
    entry.examples.push(Example { kind, code, line });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_belong_to_the_heading_above_them() {
        let text = "# REST\n```python prelude\nimport x\n```\n## Clock\n### `GET /v1/time`\nprose\n```sh curl\ncurl a\n```\n\
                    ```sh bandex\nbandex get a\n```\n```json\n{\"a\": 1}\n```\n### Notes\n```text\nno example\n```\n\
                    ### Channel `book`\n```json frames\n→ {}\n```\n";
        let page = read(text).expect("it is a page");
        let example = |kind, code: &str, line| Example { kind, code: code.to_owned(), line };
        let time = vec![example(Kind::Curl, "curl a\n", 8), example(Kind::Bandex, "bandex get a\n", 11)];
        let book = vec![example(Kind::Frames, "→ {}\n", 22)];
        let expected = [
            Entry { title: "GET /v1/time".to_owned(), examples: time, answer: Some(json!({ "a": 1 })) },
            Entry { title: "Channel book".to_owned(), examples: book, answer: None },
        ];
        assert_eq!(page.entries, expected);
        assert_eq!(page.prelude, "import x\n");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |text: &str| assert!(read(text).is_err(), "{text}");
        check("### GET /v1/time\n```sh curl\ncurl\n");
        check("### GET /v1/time\n```json\n{…}\n```\n");
        check("### Notes\n```sh curl\ncurl\n```\n");
    }
}
