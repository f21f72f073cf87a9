// What the vectors do not reach: HTTP message signatures, decimal texts, and values that have no bytes.

import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { encode, Key, signatureBase, steps, type Block, type Operation } from "../src/signer.js";

test("RFC 9421, section B.2.6: the signature with Ed25519", () => {
  const parameters =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const base = signatureBase(
    [
      ["date", "Tue, 20 Apr 2021 02:07:55 GMT"],
      ["@method", "POST"],
      ["@path", "/foo"],
      ["@authority", "example.com"],
      ["content-type", "application/json"],
      ["content-length", "18"],
    ],
    parameters,
  );
  const key = new Key("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5");
  assert.equal(key.public, "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb");
  const signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
  assert.equal(key.sign(Buffer.from(base)).toString("base64"), signature);
});

test("a request is signed over method, host, path, query and body", () => {
  const key = new Key("02".repeat(32));
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(key.public, "hex")]);
  const check = (url: string, content: string | undefined, covered: [string, string][]) => {
    const headers = key.signRequest("POST", new URL(url), content);
    const input = headers["Signature-Input"] ?? "";
    const form = /^sig1=(\(.*\);created=\d+;keyid="([0-9a-f]{64})";alg="ed25519";nonce="[0-9a-f]{32}")$/.exec(input);
    assert.equal(form?.[2], key.public, input);
    const signature = /^sig1=:(.*):$/.exec(headers["Signature"] ?? "")?.[1] ?? "";
    const base = Buffer.from(signatureBase(covered, form?.[1] ?? ""));
    const point = createPublicKey({ key: spki, format: "der", type: "spki" });
    assert.ok(verify(null, base, point, Buffer.from(signature, "base64")), base.toString());
    assert.notEqual(key.signRequest("POST", new URL(url), content)["Signature"], headers["Signature"]);
  };
  check("http://127.0.0.1:8420/v1/orders?state=all&limit=5", undefined, [
    ["@method", "POST"], ["@authority", "127.0.0.1:8420"], ["@path", "/v1/orders"], ["@query", "?state=all&limit=5"],
  ]);
  const digest = createHash("sha256").update("{}").digest("base64");
  check("https://example.com/v1/blocks", "{}", [
    ["@method", "POST"], ["@authority", "example.com"], ["@path", "/v1/blocks"], ["@query", "?"],
    ["content-digest", `sha-256=:${digest}:`],
  ]);
});

test("decimal texts become whole steps or are refused", () => {
  const check = (decimal: string, step: string, taken: bigint | null) => {
    if (taken === null) assert.throws(() => steps(decimal, step), RangeError, decimal);
    else assert.equal(steps(decimal, step), taken, decimal);
  };
  check("0.0000004", "0.00000000000005", 8_000_000n);
  check("19.9", "0.000001", 19_900_000n);
  check("3", "1", 3n);
  check("0", "0.1", 0n);
  check("0.05", "0.1", null);
  check("-1", "1", null);
  check("1e3", "1", null);
  check(".5", "0.1", null);
  check("1.2.3", "0.1", null);
  check("", "1", null);
  check("1", "0", null);
});

test("what has no bytes is refused", () => {
  const place = { operation: "place", market: 1, side: "buy", price: 1, quantity: 1 } as const;
  const key = "ab".repeat(32);
  const of = (change: Partial<Block>): Block => ({
    network: 1, author: key, seq: 1, previous: key, time: 1, body: { kind: "orders", operations: [place] }, ...change,
  });
  const orders = (operation: unknown) => of({ body: { kind: "orders", operations: [operation as Operation] } });
  assert.ok(encode(of({})).length > 0);
  const check = (block: Block) => assert.throws(() => encode(block), RangeError, JSON.stringify(block));
  check(of({ network: 4_294_967_296 }));
  check(of({ network: -1 }));
  check(of({ seq: 2 ** 53 }));
  check(of({ seq: "18446744073709551616" }));
  check(of({ seq: "1.0" }));
  check(of({ previous: "AB".repeat(32) }));
  check(of({ previous: "ab" }));
  check(of({ body: { kind: "batch" } as unknown as Block["body"] }));
  check(orders({ ...place, side: "both" }));
  check(orders({ ...place, side: undefined }));
  check(orders({ ...place, price: undefined }));
  check(orders({ operation: "cancel", order: `${key}:1` }));
  check(orders({ operation: "cancel", order: `${key}:1:0:0` }));
  check(orders({ operation: "cancel", order: `${key}:1:256` }));
  check(orders({ operation: "toString" }));
});

test("the types hold what the bytes need", () => {
  // @ts-expect-error a side must be said
  const silent: Operation = { operation: "place", market: 1, price: 1, quantity: 1 };
  // @ts-expect-error there is no such time in force
  const forever: Operation = { operation: "place", market: 1, side: "buy", price: 1, quantity: 1, time_in_force: "ever" };
  const guard: Block["body"] = { kind: "guard", cancel_after_us: 5_000_000 };
  assert.ok(silent && forever && guard);
});
