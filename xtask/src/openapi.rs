//! `cargo xtask openapi`: the committed API document is what the server's own code says.

use crate::step::{cargo, root, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Stdio;

const FILE: &str = "openapi/openapi.json";

/// Writes the document, if it changed.
///
/// # Errors
/// The server does not build or prints no JSON document, or the file cannot be written.
pub fn write() -> Result<()> {
    step("openapi", || {
        let document = generate()?;
        let path = root()?.join(FILE);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == document) {
            println!("{FILE} is up to date");
            return Ok(());
        }
        fs::create_dir_all(path.parent().context("the file lies in a folder")?)?;
        fs::write(&path, document).with_context(|| format!("cannot write {FILE}"))?;
        println!("{FILE} is written anew; commit it");
        Ok(())
    })
}

/// Compares the document with the committed file.
///
/// # Errors
/// As [`write`], or they differ.
pub fn check() -> Result<()> {
    step("openapi --check", || {
        let committed = fs::read_to_string(root()?.join(FILE))
            .with_context(|| format!("cannot read {FILE}; run `cargo xtask openapi` and commit the file"))?;
        compare(&committed, &generate()?)
    })
}

/// Asks the server's code for the document.
fn generate() -> Result<String> {
    let mut command = cargo(&["run", "--quiet", "--package", "bandex-cli", "--", "openapi"])?;
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`bandex openapi` failed: {}", output.status);
    }
    tidy(&String::from_utf8(output.stdout).context("`bandex openapi` printed something else than UTF-8")?)
}

/// The document with one line feed at its end, as editors and git want it.
fn tidy(printed: &str) -> Result<String> {
    let document: serde_json::Value =
        serde_json::from_str(printed).context("`bandex openapi` printed no JSON document")?;
    if document.get("openapi").is_none() {
        bail!("`bandex openapi` printed JSON without the member `openapi`");
    }
    Ok(format!("{}\n", printed.trim()))
}

fn compare(committed: &str, generated: &str) -> Result<()> {
    if committed == generated {
        return Ok(());
    }
    let same = committed.lines().zip(generated.lines()).take_while(|(left, right)| left == right).count();
    bail!(
        "{FILE} is not what the server's code says (they part at line {}); run `cargo xtask openapi` and commit \
         the file",
        same.saturating_add(1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_document_is_taken() {
        let check = |printed: &str, taken: Option<&str>| {
            assert_eq!(tidy(printed).ok().as_deref(), taken, "{printed}");
        };
        check("{\"openapi\":\"3.1.0\"}", Some("{\"openapi\":\"3.1.0\"}\n"));
        check("{\"openapi\":\"3.1.0\"}\n\n", Some("{\"openapi\":\"3.1.0\"}\n"));
        check("{\"swagger\":\"2.0\"}", None);
        check("starting\n{\"openapi\":\"3.1.0\"}", None);
        check("", None);
    }

    #[test]
    fn a_difference_is_located_and_the_remedy_named() {
        let check = |committed: &str, line: Option<&str>| {
            let difference = compare(committed, "{\n  \"a\": 1\n}\n").err().map(|error| error.to_string());
            match (difference, line) {
                (None, None) => {}
                (Some(text), Some(line)) => {
                    assert!(text.contains(line) && text.contains("cargo xtask openapi"), "{text}");
                }
                other => assert_eq!(other.0.as_deref(), line, "{committed}"),
            }
        };
        check("{\n  \"a\": 1\n}\n", None);
        check("{\n  \"a\": 2\n}\n", Some("line 2"));
        check("{\n  \"a\": 1\n}", Some("line 4"));
        check("", Some("line 1"));
    }
}
