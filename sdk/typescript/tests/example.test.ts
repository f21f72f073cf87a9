// The example against a real exchange: BANDEX_BIN names the binary, as `cargo xtask typescript` does.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { components } from "../src/openapi.js";

const PLACE = fileURLToPath(new URL("../examples/place.js", import.meta.url));
const run = promisify(execFile);

test("the example places orders on a running exchange", { timeout: 60_000 }, async () => {
  const binary = process.env["BANDEX_BIN"];
  assert.ok(binary, "BANDEX_BIN must name the bandex binary; `cargo xtask typescript` sets it");
  const folder = mkdtempSync(join(tmpdir(), "bandex-typescript-"));
  const address = "127.0.0.1:0";
  const options = ["serve", "--data", join(folder, "data"), "--listen", address, "--admin-listen", address];
  const server = spawn(binary, options, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  try {
    let url = "";
    for await (const line of createInterface(server.stderr)) {
      url = /^traders +(http:\S+)/.exec(line)?.[1] ?? "";
      if (url) break;
    }
    server.stderr.resume();
    const seed = join(folder, "seed");
    const place = async (...order: string[]) => (await run(process.execPath, [PLACE, url, seed, ...order])).stdout;

    // The first makes file and account, the second goes on in the lane that it finds.
    assert.match(await place("buy", "0.0000004", "0.1"), /^[0-9a-f]{64}:2:0 open\n$/);
    assert.match(await place("buy", "0.0000003", "0.2"), /^[0-9a-f]{64}:3:0 open\n$/);
    assert.equal(statSync(seed).mode & 0o777, 0o600);
    const response = await fetch(`${url}/v1/book/BWT-BTC`);
    const { bids, asks } = (await response.json()) as components["schemas"]["Book"];
    assert.deepEqual(bids.map(({ price, quantity }) => [price, quantity]), [["0.0000004", "0.1"], ["0.0000003", "0.2"]]);
    assert.deepEqual(asks, []);

    // What the exchange refuses is told by its code, and what is no step never leaves.
    await assert.rejects(place("sell", "0.0000005", "1"), /insufficient_free/);
    await assert.rejects(place("buy", "0.0000004", "0.0000001"), /not a whole number of/);
  } finally {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  }
});
