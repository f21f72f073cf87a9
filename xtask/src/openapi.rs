//! `cargo xtask openapi`: the committed API documents and the list of error codes are what the server's own code says.

use crate::step::{cargo, root, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Stdio;

/// A document that the program prints.
struct Document {
    file: &'static str,
    /// The program's command for it.
    command: &'static str,
    /// What the printed text must be, and how it is committed.
    tidy: fn(&str) -> Result<String>,
}

const DOCUMENTS: [Document; 3] = [
    Document { file: "openapi/openapi.json", command: "openapi", tidy: tidy_json },
    Document { file: "openapi/asyncapi.yaml", command: "asyncapi", tidy: tidy_text },
    Document { file: "docs/errors.md", command: "errors", tidy: tidy_text },
];

/// Writes the documents that changed.
///
/// # Errors
/// The server does not build or prints something else, or a file cannot be written.
pub fn write() -> Result<()> {
    step("openapi", || DOCUMENTS.iter().try_for_each(Document::write))
}

/// Compares the documents with the committed files.
///
/// # Errors
/// As [`write`], or they differ.
pub fn check() -> Result<()> {
    step("openapi --check", || DOCUMENTS.iter().try_for_each(Document::check))
}

impl Document {
    fn write(&self) -> Result<()> {
        let file = self.file;
        let document = self.generate()?;
        let path = root()?.join(file);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == document) {
            println!("{file} is up to date");
            return Ok(());
        }
        fs::create_dir_all(path.parent().context("the file lies in a folder")?)?;
        fs::write(&path, document).with_context(|| format!("cannot write {file}"))?;
        println!("{file} is written anew; commit it");
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let file = self.file;
        let committed = fs::read_to_string(root()?.join(file))
            .with_context(|| format!("cannot read {file}; run `cargo xtask openapi` and commit the file"))?;
        compare(file, &committed, &self.generate()?)
    }

    /// Asks the server's code for the document.
    fn generate(&self) -> Result<String> {
        let name = self.command;
        let mut command = cargo(&["run", "--quiet", "--package", "bandex-cli", "--", name])?;
        let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("`bandex {name}` failed: {}", output.status);
        }
        let printed = String::from_utf8(output.stdout);
        (self.tidy)(&printed.with_context(|| format!("`bandex {name}` printed something else than UTF-8"))?)
    }
}

/// The document with one line feed at its end, as editors and git want it.
fn tidy_json(printed: &str) -> Result<String> {
    let document: serde_json::Value =
        serde_json::from_str(printed).context("`bandex openapi` printed no JSON document")?;
    if document.get("openapi").is_none() {
        bail!("`bandex openapi` printed JSON without the member `openapi`");
    }
    tidy_text(printed)
}

fn tidy_text(printed: &str) -> Result<String> {
    match printed.trim() {
        "" => bail!("the program printed nothing"),
        text => Ok(format!("{text}\n")),
    }
}

fn compare(file: &str, committed: &str, generated: &str) -> Result<()> {
    if committed == generated {
        return Ok(());
    }
    let same = committed.lines().zip(generated.lines()).take_while(|(left, right)| left == right).count();
    bail!(
        "{file} is not what the server's code says (they part at line {}); run `cargo xtask openapi` and commit \
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
            assert_eq!(tidy_json(printed).ok().as_deref(), taken, "{printed}");
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
            let difference =
                compare("a file", committed, "{\n  \"a\": 1\n}\n").err().map(|error| error.to_string());
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
