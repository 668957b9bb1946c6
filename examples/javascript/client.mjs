// Asks a Fairlead service one question. It needs Node.js 18 or newer and
// nothing else:
//
//   FAIRLEAD_URL=http://127.0.0.1:8080 FAIRLEAD_KEY=... node client.mjs "question"
//
// What it shows, and what is worth copying:
//   - one agent for the whole program, which keeps connections open and bounds them;
//   - trying again only while nothing of the answer has come, after exactly the
//     wait that the service asked for, or else an exponential back-off with jitter;
//   - one time limit over everything, waits included.

import { realpathSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const MAX_ATTEMPTS = 4;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
const MAX_WAIT_MS = 60_000; // told to stay away for longer: give up and say so
const TEMPORARY = new Set([408, 429, 500, 502, 503, 504]);

/** The service refused. `code` is a stable name, such as "queue_full". */
export class RefusedError extends Error {
  constructor(status, headers, body) {
    super(body.error ?? `unexpected answer ${status}`);
    this.status = status;
    this.code = body.code;
    this.requestId = headers["x-request-id"];
    this.retryAfterMs = retryAfterMs(headers);
    this.shouldRetry = headers["x-should-retry"];
  }

  /** Whether the same call may succeed later. */
  get temporary() {
    if (this.shouldRetry === "false" || this.retryAfterMs > MAX_WAIT_MS) return false;
    return this.shouldRetry === "true" || TEMPORARY.has(this.status);
  }
}

/** A client of one service with one key: make one and share it. */
export class FairleadClient {
  constructor(baseURL, key, { maxSockets = 5, timeoutMs = 120_000 } = {}) {
    this.baseURL = baseURL.replace(/\/+$/, "");
    this.key = key;
    this.timeoutMs = timeoutMs;
    this.transport = this.baseURL.startsWith("https:") ? https : http;
    this.agent = new this.transport.Agent({ keepAlive: true, maxSockets });
  }

  /** Asks for the next message of a conversation. */
  async chat(messages, options = {}) {
    const body = JSON.stringify({ ...options, messages });
    const signal = AbortSignal.timeout(this.timeoutMs);
    const deadline = Date.now() + this.timeoutMs;
    for (let attempt = 1; ; attempt++) {
      let response;
      let error;
      try {
        response = await this.#post("/chat/completion", body, signal);
        if (response.statusCode !== 200) {
          error = new RefusedError(response.statusCode, response.headers, await readJSON(response).catch(() => ({})));
        }
      } catch (failure) {
        error = failure; // no answer began
      }
      // An answer that has begun is not asked for again, even if it breaks off.
      if (!error) return readJSON(response);

      const wait = waitBefore(attempt + 1, error);
      if (signal.aborted || wait === undefined || Date.now() + wait >= deadline) throw error;
      await sleep(wait, undefined, { signal });
    }
  }

  /** Closes the connections, so that the program can end. */
  close() {
    this.agent.destroy();
  }

  #post(path, body, signal) {
    return new Promise((resolve, reject) => {
      const headers = {
        "X-API-Key": this.key,
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
      };
      const options = { method: "POST", agent: this.agent, headers, signal };
      this.transport.request(this.baseURL + path, options, resolve).on("error", reject).end(body);
    });
  }
}

/** How long to wait before that attempt, in milliseconds; undefined: don't. */
function waitBefore(attempt, error) {
  if (attempt > MAX_ATTEMPTS) return undefined;
  if (error instanceof RefusedError) {
    if (!error.temporary) return undefined;
    if (error.retryAfterMs > 0) return error.retryAfterMs;
  }
  const bound = Math.min(FIRST_BACKOFF_MS * 2 ** (attempt - 2), MAX_BACKOFF_MS);
  return Math.random() * bound;
}

/** What retry-after-ms says, or else Retry-After: seconds or a date. */
function retryAfterMs(headers) {
  const ms = Number(headers["retry-after-ms"]);
  if (ms > 0) return Math.ceil(ms);
  const value = headers["retry-after"] ?? "";
  const seconds = Number(value);
  if (!Number.isNaN(seconds)) return Math.ceil(seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(date - Date.now(), 0);
}

/** Reads a body to its end, which also frees its connection for the next call. */
async function readJSON(response) {
  const pieces = [];
  for await (const piece of response) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

async function main() {
  const { FAIRLEAD_URL, FAIRLEAD_KEY } = process.env;
  const question = process.argv[2];
  if (!FAIRLEAD_URL || !FAIRLEAD_KEY || !question) {
    console.error('usage: FAIRLEAD_URL=... FAIRLEAD_KEY=... node client.mjs "question"');
    process.exitCode = 2;
    return;
  }
  const client = new FairleadClient(FAIRLEAD_URL, FAIRLEAD_KEY);
  try {
    const answer = await client.chat([{ role: "user", content: question }]);
    console.log(answer.content);
  } catch (error) {
    const request = error.requestId ? `, request ${error.requestId}` : "";
    console.error(`failed: ${error.message}${error.code ? ` (${error.code})` : ""}${request}`);
    process.exitCode = 1;
  } finally {
    client.close();
  }
}

const started = process.argv[1] && pathToFileURL(realpathSync(process.argv[1])).href;
if (import.meta.url === started) await main();
