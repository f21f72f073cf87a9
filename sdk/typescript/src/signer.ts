// What a trader signs, and nothing else: the canonical bytes of blocks, logins and HTTP requests, and Ed25519 over
// them. The formats are those of docs/tradechain.md; the tests hold every one against the vectors in tests/vectors.
// Everything here is computed from what the caller asks for; nothing is taken from a server unchecked.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from "node:crypto";

// ---- Borsh: fields in order, nothing between them, numbers little-endian --------------------------------------

/** Writes one value as its canonical bytes, or throws if the value does not fit. */
type Codec<T> = (value: T) => Buffer;
/** A number of up to 64 bits: decimal text as in the API's JSON, a bigint, or a number that is exact. */
export type Integer = string | bigint | number;

const unsigned = (bytes: number): Codec<Integer> => (value) => {
  if (typeof value === "number" ? !Number.isSafeInteger(value) : !/^\d+$/.test(String(value)))
    throw new RangeError(`${value} is not an exact whole number`);
  const number = BigInt(value);
  if (number < 0n || number >> BigInt(8 * bytes)) throw new RangeError(`${number} does not fit ${bytes} bytes`);
  return Buffer.from(Array.from({ length: bytes }, (_, at) => Number((number >> BigInt(8 * at)) & 255n)));
};
const [u8, u16, u32, u64] = [unsigned(1), unsigned(2), unsigned(4), unsigned(8)];
const bool: Codec<boolean> = (value) => u8(value ? 1 : 0);
/** Bytes as lower-case hex. */
const fixed = (bytes: number): Codec<string> => (hex) => {
  if (hex.length !== 2 * bytes || /[^0-9a-f]/.test(hex)) throw new RangeError(`"${hex}" is not ${bytes} bytes of hex`);
  return Buffer.from(hex, "hex");
};
const sized = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes]);
const text: Codec<string> = (value) => sized(Buffer.from(value, "utf8"));
const script: Codec<string> = (hex) => sized(fixed(hex.length / 2)(hex));
const option = <T>(item: Codec<T>): Codec<T | null | undefined> => (value) =>
  value === null || value === undefined ? u8(0) : Buffer.concat([u8(1), item(value)]);
const list = <T>(item: Codec<T>): Codec<readonly T[]> => (values) =>
  Buffer.concat([u32(values.length), ...values.map(item)]);
const word = <W extends string>(...words: W[]): Codec<W> => (value) => {
  if (!words.includes(value)) throw new RangeError(`"${value}" is none of ${words.join(", ")}`);
  return u8(words.indexOf(value));
};
/** As `word`; left out, it is the first of them. */
const usual = <W extends string>(...words: W[]): Codec<W | undefined> => (value) => word(...words)(value ?? words[0]!);

type Fields = Record<string, Codec<any>>;
type Value<C> = C extends Codec<infer T> ? T : never;
type MayMiss<F extends Fields> = { [K in keyof F]: undefined extends Value<F[K]> ? K : never }[keyof F];
type Struct<F extends Fields> = { [K in Exclude<keyof F, MayMiss<F>>]: Value<F[K]> } & {
  [K in MayMiss<F>]?: Value<F[K]>;
};
const struct = <F extends Fields>(fields: F): Codec<Struct<F>> => (value) =>
  Buffer.concat(Object.entries(fields).map(([name, codec]) => codec((value as Record<string, unknown>)[name])));
/** One of several structs, told apart by the word in `tag`; its number goes first. */
type Variants<Tag extends string, V extends Record<string, readonly [number, Codec<any>]>> = {
  [K in keyof V]: { [T in Tag]: K } & Value<V[K][1]>;
}[keyof V];
const variant = <Tag extends string, V extends Record<string, readonly [number, Codec<any>]>>(
  tag: Tag, number: Codec<Integer>, variants: V,
): Codec<Variants<Tag, V>> => (value) => {
  const name = (value as Record<Tag, string>)[tag];
  const found = Object.hasOwn(variants, name) ? variants[name] : undefined;
  if (!found) throw new RangeError(`unknown ${tag} "${name}"`);
  return Buffer.concat([number(found[0]), found[1](value)]);
};

// ---- Blocks -------------------------------------------------------------------------------------------------------

const [hash, signature] = [fixed(32), fixed(64)];
const side = word("buy", "sell");
const orderRef: Codec<string> = (reference) => {
  const [key = "", seq = "", op = "", more] = reference.split(":");
  if (more !== undefined) throw new RangeError(`"${reference}" is not KEY:SEQ:OP`);
  return Buffer.concat([hash(key), u64(seq), u8(op)]);
};
const operation = variant("operation", u8, {
  place: [0, struct({
    market: u32, side, order_type: usual("limit", "market"), price: u64, quantity: u64, quote_quantity: option(u64),
    time_in_force: usual("gtc", "ioc", "fok", "gtd"), expires: option(u64), post_only: usual("off", "refuse", "slide"),
    self_trade: usual("cancel_oldest", "cancel_newest", "cancel_both", "decrement"), display: option(u64),
    minimum: option(u64), trigger: option(struct({ kind: word("stop_loss", "take_profit"), price: u64 })),
    own_cap: option(u64), least_score: option(u32), client_id: option(text),
  })],
  cancel: [1, struct({ order: orderRef })], cancel_client: [2, struct({ market: u32, client_id: text })],
  amend: [3, struct({ order: orderRef, price: u64, quantity: u64 })],
  cancel_all: [4, struct({ market: option(u32), side: option(side) })],
  quote: [5, struct({ market: u32, slide: bool, quotes: list(struct({ side, price: u64, quantity: u64 })) })],
  protect: [6, struct({ market: u32, protection: option(struct({ quantity: u64, window_us: u64 })) })],
});
const body = variant("kind", u16, {
  register: [1, struct({ home: hash, nonce: u64 })],
  rotate: [2, struct({ key: hash, possession: signature })], revoke: [4, struct({ key: hash })],
  grant: [3, struct({
    key: hash, scopes: u8, markets: list(u32), largest_notional: option(u64), expires: option(u64),
    possession: signature,
  })],
  orders: [5, struct({ operations: list(operation) })],
  pay: [6, struct({ deal: hash, tranche: u32, cumulative: u64, reference: text })],
  acknowledge: [7, struct({ proposal: hash })],
  transfer: [8, struct({ to: hash, asset: u32, amount: u64, note: text })],
  bandwidth: [9, struct({
    counterparty: hash, sent_bytes: u64, received_bytes: u64, payer: word("author", "counterparty"), tokens: u64,
  })],
  bond: [10, struct({ amount: u64 })], unbond: [11, struct({ amount: u64 })], fee: [15, struct({ amount: u64 })],
  heal: [12, struct({ key: hash, keep: hash })], claim: [16, struct({ nonce: u64 })],
  certify: [17, struct({ account: hash, expires: option(u64) })], decertify: [18, struct({ account: hash })],
  prefer: [19, struct({ largest_exposure: option(u64), least_score: option(u32) })],
  resolve: [20, struct({ deal: hash, deliver: u64 })], write_off: [21, struct({ deal: hash })],
  cure: [22, struct({ deal: hash, reference: text })], receive: [23, struct({ deal: hash, script })],
  guard: [24, struct({ cancel_after_us: u64, on_disconnect_us: option(u64) })],
});
const block = struct({
  version: (_: undefined) => u8(1),
  network: u32, author: hash, seq: u64, previous: hash, time: u64, expiry: option(u64), body,
});

/** What one block does; an `orders` block holds a list of `Operation`. Prices are ticks, quantities lots. */
export type Body = Value<typeof body>;
export type Operation = Value<typeof operation>;
export type Block = Value<typeof block>;
/** Bytes to send, with their signature, as `POST /v1/blocks` takes them. */
export type Signed = { payload: string; signature: string };

/** The canonical bytes of a block. */
export const encode = (asked: Block): Buffer => block(asked);
/** What is hashed and signed: the purpose, padded to 16 bytes, and the bytes. */
export const preimage = (tag: string, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(tag.padEnd(16, "\0")), bytes]);
/** The id of a block; of a `register` block it is the account's id too. */
export const blockId = (payload: Uint8Array): string =>
  createHash("sha256").update(preimage("bandex:block:1", payload)).digest("hex");

/** How many whole steps (a market's `tick` or `lot`) a decimal text is; throws if it is not a whole number of them. */
export function steps(decimal: string, step: string): bigint {
  const [value = 0n, unit = 0n] = [decimal, step].map((one) => {
    const [, whole, fraction = ""] = /^(\d+)(?:\.(\d{1,18}))?$/.exec(one) ?? [];
    if (whole === undefined) throw new RangeError(`"${one}" is not a decimal`);
    return BigInt(whole + fraction.padEnd(18, "0"));
  });
  if (unit === 0n || value % unit) throw new RangeError(`${decimal} is not a whole number of ${step}`);
  return value / unit;
}

/** The bytes of `asked`, if the answer of `POST /v1/blocks/prepare` has exactly these; throws otherwise. */
export function compare(asked: Block, prepared: { payload: string; preimage: string; block_id: string }): Buffer {
  const payload = encode(asked);
  const same = prepared.payload === payload.toString("hex") && prepared.block_id === blockId(payload) &&
    prepared.preimage === preimage("bandex:block:1", payload).toString("hex");
  if (!same) throw new Error("the prepared bytes are not what was asked for: sign nothing");
  return payload;
}

/** Which node a signed request is for; when and with which text that serves once it is signed, if not now and anew. */
export type RequestOptions = { node?: string; created?: number; nonce?: string };

// ---- Keys ---------------------------------------------------------------------------------------------------------

/** An Ed25519 key (RFC 8032), from its seed of 32 bytes as hex. */
export class Key {
  readonly #secret: KeyObject;
  /** The public key as hex. */
  readonly public: string;

  constructor(seed: string = randomBytes(32).toString("hex")) {
    const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), hash(seed)]);
    this.#secret = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    this.public = createPublicKey(this.#secret).export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  }

  sign(bytes: Uint8Array): Buffer {
    return sign(null, bytes, this.#secret);
  }

  /** Signs the bytes of a block: those of `encode`, or those that `compare` let through. */
  signBlock(payload: Uint8Array): Signed {
    const bytes = Buffer.from(payload);
    return { payload: bytes.toString("hex"), signature: this.sign(preimage("bandex:block:1", bytes)).toString("hex") };
  }

  /** The body of `POST /v1/login`; `node` is the node's key that you know, not one that came with the nonce. */
  login(network: number, node: string, nonce: string): { key: string; nonce: string; signature: string } {
    const statement = Buffer.concat([u32(network), hash(node), hash(this.public), hash(nonce)]);
    return { key: this.public, nonce, signature: this.sign(preimage("bandex:login:1", statement)).toString("hex") };
  }

  /**
   * Headers that stand for a login on one request (RFC 9421; with a body RFC 9530 too), good once, for 30 seconds.
   * `node`, the key of the node that you know, makes it good there only: a signature without it can be passed on.
   */
  signRequest(method: string, url: URL, content?: string, options: RequestOptions = {}): Record<string, string> {
    const { node, created = Math.floor(Date.now() / 1000), nonce = randomBytes(16).toString("hex") } = options;
    const tag = node === undefined ? "" : `;tag="${hash(node).toString("hex")}"`;
    const parts: [string, string][] = [
      ["@method", method], ["@authority", url.host], ["@path", url.pathname], ["@query", url.search || "?"],
    ];
    const headers: Record<string, string> = {};
    if (content !== undefined) {
      headers["Content-Digest"] = `sha-256=:${createHash("sha256").update(content).digest("base64")}:`;
      parts.push(["content-digest", headers["Content-Digest"]]);
    }
    const names = parts.map(([name]) => `"${name}"`).join(" ");
    const parameters = `(${names});created=${created};keyid="${this.public}";alg="ed25519";nonce="${nonce}"${tag}`;
    headers["Signature-Input"] = `sig1=${parameters}`;
    headers["Signature"] = `sig1=:${this.sign(Buffer.from(signatureBase(parts, parameters))).toString("base64")}:`;
    return headers;
  }
}

/** The text that an HTTP message signature covers (RFC 9421, section 2.5). */
export const signatureBase = (parts: readonly [string, string][], parameters: string): string =>
  [...parts, ["@signature-params", parameters]].map(([name, value]) => `"${name}": ${value}`).join("\n");
