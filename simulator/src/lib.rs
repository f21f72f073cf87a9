//! The whole exchange under faults: one thread, one seed, no clock and no runtime.
