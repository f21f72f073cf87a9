//! Adapters of outside assets: a Bitcoin Core node, asked and followed.
