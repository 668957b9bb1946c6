// What the scripts share: running cases one by one, each told as one line of
// JSON, and asking the mock and the service what they have seen.
import assert from "node:assert/strict";

export const env = process.env;
export { assert };

const CASE_DEADLINE_MS = 15_000;

/** Runs the cases in order and prints how each ended, and what it returned. */
export async function run(cases, deadline = CASE_DEADLINE_MS) {
  let failed = false;
  for (const [name, check] of Object.entries(cases)) {
    let detail = "", ok = true;
    try {
      detail = (await within(deadline, check())) ?? "";
    } catch (err) {
      detail = String(err?.stack ?? err);
      ok = false;
    }
    failed ||= !ok;
    process.stdout.write(JSON.stringify({ case: name, ok, detail }) + "\n");
  }
  // Connections kept alive must not keep the script alive.
  process.exit(failed ? 1 : 0);
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A model of the mock with these flags, whose counts are this case's own. */
export function mockModel(flags) {
  return `mock+${flags}+id=${env.SDK}${Math.random().toString(36).slice(2)}`;
}

/** What the mock has seen, of one model if it is named. */
export async function mockStats(model) {
  const response = await fetch(env.MOCK_URL + "/mock/stats", { headers: { authorization: `Bearer ${env.MOCK_KEY}` } });
  const stats = await response.json();
  return model ? (stats.models[model] ?? { total: 0, aborted: 0, in_flight: 0 }) : stats;
}

/** The slots in use. */
export async function slots() {
  const response = await fetch(env.FAIRLEAD_URL + "/metrics");
  return (await response.json()).concurrency_metrics.concurrent_requests;
}

/** Polls until done() is true; fails after ms. */
export async function await_(ms, what, done) {
  const start = Date.now();
  while (!(await done())) {
    assert.ok(Date.now() - start < ms, `${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The upstream call of model was stopped, and the slot is free. */
export async function stopped(model) {
  await await_(1000, "the mock sees that the client left", async () => (await mockStats(model)).aborted === 1);
  await await_(1000, "the slot is given back", async () => (await slots()) === 0);
  assert.equal((await mockStats(model)).in_flight, 0);
}

/** A fetch that notes when each attempt was made. */
export function counting() {
  const attempts = [];
  const counted = (url, init) => {
    attempts.push(performance.now());
    return fetch(url, init);
  };
  return { attempts, fetch: counted };
}

/** The error that the promise ends with. */
export async function failure(promise) {
  try {
    await promise;
  } catch (err) {
    return err;
  }
  throw new Error("no error was thrown");
}

/** All that a stream gives. */
export async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

/**
 * A call that its SDK may retry; after 0.9 s, less than any wait, there was one
 * attempt. The call is left waiting: openai 6 does not heed an abort while it waits.
 */
export async function waitsBeforeRetry(call) {
  const { attempts, fetch } = counting();
  let ended = false;
  call(fetch)
    .catch(() => {})
    .finally(() => { ended = true; });
  await new Promise((resolve) => setTimeout(resolve, 900));
  assert.equal(ended, false);
  assert.equal(attempts.length, 1);
}

/** The tool that the scripts offer, as each API spells it. */
export const citySchema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const chatTool = { type: "function", function: { name: "weather", parameters: citySchema } };
export const messagesTool = { name: "weather", input_schema: citySchema };

/** Asserts what a refusal's headers say: at least 1 s, and all the same. */
export function checkRetryHeaders(headers, most) {
  const seconds = Number(headers.get("retry-after"));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= most, `Retry-After: ${headers.get("retry-after")}`);
  const ms = Number(headers.get("retry-after-ms"));
  assert.ok(ms > (seconds - 1) * 1000 && ms <= seconds * 1000, `retry-after-ms: ${ms} beside ${seconds} s`);
}
