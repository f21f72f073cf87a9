// Registers a key if the exchange does not know it yet, and places one order with nothing but fetch and the signer.
//
//     node dist/examples/place.js URL SEED_FILE SIDE PRICE QUANTITY
//
// SEED_FILE holds 32 bytes as hex and is made if it is missing. Prints the order's reference.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { components } from "../src/openapi.js";
import { blockId, encode, Key, steps, type Block, type Body, type Signed } from "../src/signer.js";

type Schemas = components["schemas"];

const [url, file, side, price, quantity] = process.argv.slice(2);
if (!url || !file || (side !== "buy" && side !== "sell") || !price || !quantity)
  throw new Error("usage: place.js URL SEED_FILE buy|sell PRICE QUANTITY");

/** Sends a request; a problem document (RFC 9457) becomes an error with its code, and says what became of the block. */
async function ask<T>(path: string, body?: object): Promise<T> {
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, init);
  if (response.ok) return (await response.json()) as T;
  const { code, detail, outcome } = (await response.json()) as Schemas["Problem"];
  throw new Error(`${code} (${outcome ?? "no block"}): ${detail}`, { cause: response.status });
}

const now = (): bigint => BigInt(Date.now()) * 1000n;
const send = (signed: Signed): Promise<Schemas["BlockReply"]> => ask("/v1/blocks?receipt=false", signed);

if (!existsSync(file)) {
  const seed = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
  writeFileSync(file, seed, { mode: 0o600, flag: "wx" });
}
const key = new Key(readFileSync(file, "utf8").trim());

/** Compare both with what you know from elsewhere; this example believes the server. */
const { node, parameters, markets } = await ask<Schemas["Markets"]>("/v1/markets");
const market = markets[0];
if (!market) throw new Error("no market is listed");

/** The end of the key's lane; a key without an account gets one, by a block whose id proves a little work. */
async function head(): Promise<{ seq: number; id: string }> {
  const lane = await ask<Schemas["Lane"]>(`/v1/lanes/${key.public}`).catch((error: Error) => {
    if (error.cause !== 404) throw error;
  });
  if (lane) return { seq: lane.head_seq, id: lane.head_id };
  const time = now();
  for (let nonce = 0; ; nonce += 1) {
    const body: Body = { kind: "register", home: node.key, nonce };
    const payload = encode({ network: node.network, author: key.public, seq: 1, previous: "00".repeat(32), time, body });
    const id = blockId(payload);
    if (BigInt(`0x${id}`) >> BigInt(256 - parameters.register_work_bits)) continue;
    await send(key.signBlock(payload));
    return { seq: 1, id };
  }
}

const last = await head();
const block: Block = {
  network: node.network,
  author: key.public,
  seq: last.seq + 1,
  previous: last.id,
  time: now(),
  body: {
    kind: "orders",
    operations: [
      {
        operation: "place",
        market: market.id,
        side,
        price: steps(price, market.tick),
        quantity: steps(quantity, market.lot),
      },
    ],
  },
};
const [placed] = (await send(key.signBlock(encode(block)))).operations;
if (!placed?.ok) throw new Error(`refused: ${placed?.code}: ${placed?.detail}`);
console.log(placed.order, placed.status);
