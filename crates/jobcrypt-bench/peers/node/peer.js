// The args of a job, encrypted with AES-256-GCM by Node's own crypto, from JSON to the envelope and
// back. It measures itself: for each line on standard input, `cipher operation size milliseconds`,
// it answers with the median time per job in nanoseconds.
"use strict";

const { createCipheriv, createDecipheriv, randomBytes } = require("node:crypto");
const { createInterface } = require("node:readline");

// Long enough that reading the clock does not count.
const SHORTEST_SAMPLE = 200_000;
const NONCE_LEN = 12;
const TAG_LEN = 16;

const key = randomBytes(32);

function seal(args) {
  const nonce = randomBytes(NONCE_LEN);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const body = Buffer.concat([nonce, cipher.update(args), cipher.final(), cipher.getAuthTag()]);
  return Buffer.from(JSON.stringify({ river_encrypt: body.toString("base64") }));
}

function open(stored) {
  const body = Buffer.from(JSON.parse(stored.toString()).river_encrypt, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, NONCE_LEN));
  decipher.setAuthTag(body.subarray(body.length - TAG_LEN));
  const ciphertext = body.subarray(NONCE_LEN, body.length - TAG_LEN);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

/** Returns what is done once for each job, after having tried that it does it. */
function prepare(cipher, operation, size) {
  const args = argsOf(size);
  const sealed = seal(args);
  if (cipher !== "aes256gcm") throw new Error("this peer knows aes256gcm only");
  if (!open(sealed).equals(args)) throw new Error("the args do not come back");
  const job = { seal: () => seal(args), open: () => open(sealed) }[operation];
  if (!job) throw new Error(`unknown operation ${operation}`);
  return job;
}

function argsOf(size) {
  const [head, tail] = ['{"to":"ada@example.com","text":"', '"}'];
  return Buffer.from(head + "a".repeat(size - head.length - tail.length) + tail);
}

function median(job, duration) {
  let count = 1;
  while (elapsed(job, count) < SHORTEST_SAMPLE) count *= 2;
  const samples = [];
  const start = process.hrtime.bigint();
  while (samples.length === 0 || Number(process.hrtime.bigint() - start) < duration) {
    samples.push(elapsed(job, count) / count);
  }
  samples.sort((a, b) => a - b);
  const middle = samples.length >> 1;
  return samples.length % 2 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

function elapsed(job, count) {
  const start = process.hrtime.bigint();
  for (let at = 0; at < count; at++) job();
  return Number(process.hrtime.bigint() - start);
}

console.log(process.versions.node);
createInterface({ input: process.stdin }).on("line", (line) => {
  const [cipher, operation, size, milliseconds] = line.split(" ");
  const job = prepare(cipher, operation, Number(size));
  console.log(median(job, Number(milliseconds) * 1_000_000));
});
