//! Hints: what a command to come will touch is brought into the cache while others are carried out. Nothing here has an
//! effect that a result could show. This is the only file of the crate with unsafe code; it never reads what it names.
#![allow(unsafe_code)]

use crate::{Book, OrderId};
use bandex_types::{Price, Side};

/// What most processors bring at a time, in bytes.
const LINE: usize = 64;

/// Asks the processor to bring a value's cache lines: also for a caller's tables beside the book.
#[inline]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of::<T>()).step_by(LINE) {
        // SAFETY: a prefetch reads nothing and cannot fault, whatever the address; and this one is within a live value.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast::<i8>().wrapping_add(offset));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

impl Book {
    /// A cancel, amendment or reduction of this order comes in a dozen commands or so: brings the order.
    #[inline]
    pub fn prefetch_order(&self, id: OrderId) {
        if let Some(node) = self.arena.peek(id.slot()) {
            prefetch(node);
        }
    }

    /// The same comes in half a dozen commands, and [`Book::prefetch_order`] was called before: brings its neighbours and
    /// its price.
    #[inline]
    pub fn prefetch_links(&self, id: OrderId) {
        let Some(node) = self.arena.peek(id.slot()) else { return };
        prefetch(self.arena.node(node.previous));
        prefetch(self.arena.node(node.next));
        if let Some(queue) = self.near(node.side(), node.price) {
            prefetch(queue);
        }
    }

    /// An order that will rest at this price comes in a few commands: brings the order it will stand behind.
    #[inline]
    pub fn prefetch_price(&self, side: Side, price: Price) {
        if let Some(queue) = self.near(side, price) {
            prefetch(self.arena.node(queue.last()));
        }
    }

    /// Orders will rest in a few commands: brings the places that the next two will take, and gives the second's number,
    /// for a caller's table. What is freed until then is taken first.
    #[inline]
    pub fn prefetch_places(&self) -> u32 {
        let Some(first) = self.arena.peek(self.arena.next_place()) else { return 0 };
        let second = first.next.get();
        if let Some(node) = self.arena.peek(second) {
            prefetch(node);
        }
        second
    }
}
