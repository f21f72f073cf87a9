#!/bin/sh
# Builds a real bitcoind from the sources of Bitcoin Core that the crate libbitcoinkernel-sys carries, and prints where
# it is: what this node answers is compared with it. About 12 CPU minutes, once; no wallet, no network of peers needed.
set -eu
cd "$(dirname "$0")"
manifest=$(cargo metadata --locked --format-version 1 |
    grep -o '"manifest_path":"[^"]*/libbitcoinkernel-sys-[^"/]*/Cargo.toml"' | head -n 1 | cut -d '"' -f 4)
[ -n "$manifest" ] || { echo "libbitcoinkernel-sys is not among the packages" >&2; exit 1; }
build=target/bitcoind
cmake -S "$(dirname "$manifest")/bitcoin" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DBUILD_DAEMON=ON -DBUILD_KERNEL_LIB=OFF -DBUILD_CLI=OFF -DBUILD_TX=OFF -DBUILD_UTIL=OFF -DBUILD_BITCOIN_BIN=OFF \
    -DBUILD_TESTS=OFF -DBUILD_BENCH=OFF -DENABLE_WALLET=OFF -DBUILD_WALLET_TOOL=OFF -DENABLE_EXTERNAL_SIGNER=OFF \
    -DENABLE_IPC=OFF -DWITH_ZMQ=OFF -DWITH_EMBEDDED_ASMAP=OFF >&2
cmake --build "$build" --target bitcoind --parallel "${JOBS:-2}" >&2
echo "$PWD/$build/bin/bitcoind"
