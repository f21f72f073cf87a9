// The signer against tests/vectors, the files that every implementation of these formats must reproduce.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { blockId, compare, encode, Key, preimage, type Block } from "../src/signer.js";

const FOLDER = new URL("../../../../tests/vectors/", import.meta.url);
/** Kinds that no trader signs: the node's and the operator's. */
const NOT_OURS = ["batch", "configure"];

type Case = { fields: Block; payload: string; id: string; secret_seed: string; signature: string; name: string };

/** Reads a file; whole numbers past 2^53 become decimal text, which the signer takes too. */
function cases<T>(file: string): T[] {
  const text = readFileSync(new URL(file, FOLDER), "utf8").replace(/: (\d{15,})/g, ': "$1"');
  return JSON.parse(text).cases;
}

const kinds = readdirSync(FOLDER)
  .map((file) => file.replace(".json", ""))
  .filter((kind) => {
    const [first] = cases<Partial<Case>>(`${kind}.json`);
    return first?.fields?.body !== undefined && !NOT_OURS.includes(kind);
  });

test("every kind that a trader signs has a vector", () => {
  assert.ok(kinds.length >= 21, kinds.join(" "));
  for (const kind of ["register", "orders", "pay", "acknowledge", "transfer", "bond"]) assert.ok(kinds.includes(kind), kind);
});

for (const kind of kinds)
  for (const vector of cases<Case>(`${kind}.json`))
    test(`${kind}: ${vector.name}`, () => {
      const payload = encode(vector.fields);
      assert.equal(payload.toString("hex"), vector.payload);
      assert.equal(blockId(payload), vector.id);
      const key = new Key(vector.secret_seed);
      assert.equal(key.public, vector.fields.author);
      assert.deepEqual(key.signBlock(payload), { payload: vector.payload, signature: vector.signature });
    });

test("a place that leaves out what is usual has the same bytes", () => {
  const vector = cases<Case>("orders.json").find((one) => one.name === "place_a_limit_order");
  assert.ok(vector);
  const { network, author, seq, previous, time } = vector.fields;
  const operations = [{ operation: "place", market: 1, side: "buy", price: 7_831_800, quantity: 12_100_000n }] as const;
  const short = encode({ network, author, seq, previous, time, body: { kind: "orders", operations } });
  assert.equal(short.toString("hex"), vector.payload);
});

test("tags and hashes of purposes", () => {
  for (const { name, text, tag } of cases<{ name: string; text: string; tag: string }>("domains.json"))
    assert.equal(preimage(text, new Uint8Array()).toString("hex"), tag, name);
});

test("a login", () => {
  type Login = { network: number; by: string; key: string; nonce: string; secret_seed: string; signature: string };
  for (const { network, by, key, nonce, secret_seed, signature } of cases<Login>("login.json"))
    assert.deepEqual(new Key(secret_seed).login(network, by, nonce), { key, nonce, signature });
});

test("a request to one node", () => {
  type Request = {
    name: string; secret_seed: string; node: string; created_s: number; nonce: string;
    method: string; url: string; body: string | null; headers: Record<string, string>;
  };
  for (const one of cases<Request>("request.json")) {
    const { node, created_s: created, nonce } = one;
    const signed = new Key(one.secret_seed).signRequest(one.method, new URL(one.url), one.body ?? undefined, {
      node, created, nonce,
    });
    assert.deepEqual(signed, one.headers, one.name);
  }
});

test("prepared bytes are signed only if they are what was asked for", () => {
  const [vector] = cases<Case>("orders.json");
  assert.ok(vector);
  const asked = vector.fields;
  const tagged = (hex: string) => preimage("bandex:block:1", Buffer.from(hex, "hex")).toString("hex");
  const good = { payload: vector.payload, preimage: tagged(vector.payload), block_id: vector.id };
  assert.equal(compare(asked, good).toString("hex"), vector.payload);

  // Another price, as a node that cheats might write it, with an id and a preimage that fit.
  const other = vector.payload.replace("f880770000000000", "f980770000000000");
  assert.notEqual(other, vector.payload);
  const forged = { payload: other, preimage: tagged(other), block_id: blockId(Buffer.from(other, "hex")) };
  for (const prepared of [forged, { ...good, preimage: forged.preimage }, { ...good, block_id: forged.block_id }])
    assert.throws(() => compare(asked, prepared), /sign nothing/);
});
