//! The journal's port and its stores; projections made from what was committed.
