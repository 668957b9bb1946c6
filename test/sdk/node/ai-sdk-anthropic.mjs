// The AI SDK with @ai-sdk/anthropic against Fairlead. PROVIDER names the upstream.
import { createAnthropic } from "@ai-sdk/anthropic";
import { APICallError, generateText, isStepCount, streamText } from "ai";

import { parts, weather } from "./ai.mjs";
import { assert, checkRetryHeaders, counting, env, failure, mockModel, mockStats, run, stopped } from "./check.mjs";

const make = (options = {}) => createAnthropic({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, ...options });
const provider = make();
const named = (model, from = provider) => from(`${env.PROVIDER}/${model}`);
const prompt = "Hello";

const generate = (model, options = {}) => generateText({ model, prompt, maxOutputTokens: 1000, maxRetries: 0, ...options });

const cases = {
  async "chats"() {
    const { text, finishReason, usage } = await generate(named(mockModel("usage=7:5")));
    assert.match(text, /^Fairlead mock:/);
    assert.equal(finishReason, "stop");
    assert.deepEqual([usage.inputTokens, usage.outputTokens], [7, 5]);
  },
  async "streams"() {
    const all = await parts(named(mockModel("tokens=5+usage=7:5")));
    assert.ok(!all.some((p) => p.type === "error"), JSON.stringify(all.filter((p) => p.type === "error")));
    assert.match(all.filter((p) => p.type === "text-delta").map((p) => p.text).join(""), /^Fairlead mock:/);
    assert.equal(all.at(-1).finishReason, "stop");
    assert.equal(all.at(-1).totalUsage.outputTokens, 5);
  },
  async "calls tools and takes their results"() {
    const cities = [];
    const { text, steps } = await generate(named("mock"), { tools: { weather: weather(cities) }, stopWhen: isStepCount(3) });
    assert.deepEqual(cities, ["mock"]);
    assert.equal(steps.length, 2);
    assert.match(text, /^Fairlead mock:/);
  },
  async "calls tools in a stream"() {
    const cities = [];
    const all = await parts(named("mock"), { tools: { weather: weather(cities) }, stopWhen: isStepCount(3) });
    assert.deepEqual(cities, ["mock"]);
    assert.ok(!all.some((p) => p.type === "error"));
    assert.equal(all.at(-1).finishReason, "stop");
  },
  async "a bad key is 401"() {
    const err = await failure(generate(named("mock", make({ apiKey: "fl-test-of-nobody-at-all" }))));
    assert.ok(APICallError.isInstance(err), String(err));
    assert.equal(err.statusCode, 401);
    assert.ok(!err.isRetryable);
  },
  async "over the rate is 429"() {
    const limited = make({ apiKey: env.LIMITED_KEY });
    await generate(named("mock", limited));
    const err = await failure(generate(named("mock", limited)));
    assert.equal(err.statusCode, 429);
    assert.ok(err.isRetryable);
    checkRetryHeaders(new Headers(err.responseHeaders), 60);
  },
  async "a full service is 503"() {
    const err = await failure(generate(named("mock", make({ baseURL: env.FAIRLEAD_BUSY_URL + "/v1" }))));
    assert.equal(err.statusCode, 503);
    assert.ok(err.isRetryable);
    checkRetryHeaders(new Headers(err.responseHeaders), 3600);
  },
  async "retries after Retry-After"() {
    const model = mockModel("429+retry_after=1+times=1");
    const { attempts, fetch } = counting();
    const { text } = await generate(named(model, make({ fetch })), { maxRetries: 2 });
    assert.match(text, /^Fairlead mock:/);
    if (attempts.length > 1) assert.ok(attempts[1] - attempts[0] >= 990, `retried after ${attempts[1] - attempts[0]} ms`);
    assert.equal((await mockStats(model)).total, 2);
  },
  async "an upstream's failure is a 502"() {
    for (const flags of ["500", "html", "empty", "malformed=1", "cut=1"]) {
      const err = await failure(generate(named(mockModel(flags))));
      assert.equal(err.statusCode, 502, `${flags}: ${err}`);
    }
  },
  async "a broken stream is an error"() {
    for (const flags of ["cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"]) {
      const all = await parts(named(mockModel(flags)));
      assert.ok(all.some((p) => p.type === "text-delta"), `${flags}: nothing before the error`);
      assert.ok(all.some((p) => p.type === "error"), `${flags}: ${all.map((p) => p.type).join()}`);
      assert.notEqual(all.at(-1).finishReason, "stop", flags);
    }
  },
  async "aborting a stream stops the upstream"() {
    const model = mockModel("pace=20ms+tokens=500");
    const abort = new AbortController();
    const { fullStream } = streamText({ model: named(model), prompt, maxRetries: 0, abortSignal: abort.signal, onError() {} });
    for await (const part of fullStream) {
      if (part.type === "text-delta") abort.abort();
    }
    await stopped(model);
  },
};

await run(cases);
