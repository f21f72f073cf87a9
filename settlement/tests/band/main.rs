//! Properties of whole deals, against a walk through the band made by hand, one unit at a time.

mod by_hand;
mod interleavings;
mod walks;
