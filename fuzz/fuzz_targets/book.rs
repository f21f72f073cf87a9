//! Drives the book with bytes against the naive one: eight bytes are one command.

#![no_main]

use bandex_oracle::{Command, Twin};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut twin = Twin::new();
    for word in data.as_chunks::<8>().0 {
        let command = Command::from_word(u64::from_le_bytes(*word));
        twin.step(&command).unwrap_or_else(|difference| panic!("{command:?}: {}", difference.0));
    }
});
