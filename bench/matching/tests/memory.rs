//! What the operating system says of a book's memory. Alone in its process, since others' memory would be counted too.

use bandex_bench_matching::memory::{Lie, of_book};

#[test]
fn a_book_needs_memory_for_its_orders() {
    let bytes = of_book(Lie::Apart, 200_000).expect("it is Linux");
    assert!((200_000 * 8..200_000 * 1_000).contains(&bytes), "{bytes}");
}
