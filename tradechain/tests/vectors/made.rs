//! The files are what the code makes today.

use crate::blocks;
use crate::files::{BlockCase, File, Hex, path};
use crate::{proofs, refused};
use bandex_tradechain::{Block, Kind};
use bandex_types::Hash;
use serde::Serialize;

const SEEDS: &str = "Bytes are lower-case hex. The secret seeds are test vectors known to everyone: sign nothing of worth with them.";

/// Compares a file with `cases`, or writes it when `BANDEX_UPDATE_VECTORS` is set.
fn golden<T: Serialize>(name: &str, about: &str, cases: Vec<T>) {
    let file = File { about: format!("{about} {SEEDS}"), cases };
    let text = serde_json::to_string_pretty(&file).expect("plain data") + "\n";
    if std::env::var_os("BANDEX_UPDATE_VECTORS").is_some() {
        std::fs::write(path(name), &text).expect("the folder of vectors can be written");
    }
    let found = std::fs::read_to_string(path(name)).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).position(|(found, made)| found != made);
    assert!(
        found == text,
        "{name}.json is not what the code makes, from line {} on; if bytes were meant to change, set \
         BANDEX_UPDATE_VECTORS=1 and raise the protocol version",
        differs.unwrap_or_else(|| found.lines().count().min(text.lines().count())) + 1
    );
}

fn block_case((name, seed, block): (&'static str, u8, Block)) -> BlockCase {
    let signed = block.sign(&blocks::pair(seed));
    BlockCase {
        name: name.to_owned(),
        id: block.id(),
        fields: block,
        payload: Hex(signed.payload),
        secret_seed: Hash::new([seed; 32]),
        signature: signed.signature,
    }
}

#[test]
fn blocks_of_every_kind() {
    for kind in Kind::ALL {
        let about = format!(
            "Blocks of kind {} ({}): fields, canonical bytes, id, signature. Each case stands alone; not all cases form one lane.",
            kind.name(),
            kind.number()
        );
        let cases: Vec<BlockCase> = blocks::cases(*kind).into_iter().map(block_case).collect();
        assert!(cases.iter().all(|case| case.fields.body.kind() == *kind));
        golden(kind.name(), &about, cases);
    }
}

#[test]
fn everything_around_blocks() {
    golden("domains", "Domain tags: ASCII, padded with zero bytes to 16.", proofs::domains());
    golden("work", "The work in an id: how many zero bits it begins with.", proofs::work());
    golden("deal", "The id of the deal of a taker's and a maker's order.", proofs::deals());
    golden("login", "The statement that a login signs.", proofs::logins());
    golden(
        "possession",
        "The statement that a new key signs to be granted or rotated in.",
        proofs::possessions(),
    );
    golden("genesis", "The command of record 1 and its id.", proofs::genesis_cases());
    golden("command", "Commands as the journal keeps them.", proofs::commands());
    golden("fork", "Two blocks of one lane with one seq.", proofs::forks());
    golden("record", "A journal that begins; the outcomes are stand-in texts.", proofs::records());
    golden(
        "merkle",
        "Trees of 1 to 8 leaves: root, and the path of each leaf, nearest sibling first.",
        proofs::trees(),
    );
    golden("receipt", "Receipts, and altered ones with the code of their refusal.", proofs::receipt_cases());
    golden(
        "refused",
        "Blocks that are refused before they are sequenced, and with which code.",
        refused::cases(),
    );
}
