// The AI SDK with @ai-sdk/openai-compatible against Fairlead.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, streamText } from "ai";

import { parts, weather } from "./ai.mjs";
import {
  assert, await_, checkRetryHeaders, counting, env, failure, mockModel, mockStats, run, stopped, waitsBeforeRetry,
} from "./check.mjs";

const make = (options = {}) =>
  createOpenAICompatible({ name: "fairlead", baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, includeUsage: true, ...options });
const fairlead = make();
const prompt = "Hello";

const generate = (model, options = {}) => generateText({ model, prompt, maxRetries: 0, ...options });

/** A call that is retried. */
const retrying = (provider) => generate(provider("gpt-4o-mini"), { maxRetries: 2 });

const headersOf = (err) => new Headers(err.responseHeaders);

const cases = {
  async "chats"() {
    const { text, finishReason, usage } = await generate(fairlead(mockModel("usage=7:5")));
    assert.match(text, /^Fairlead mock:/);
    assert.equal(finishReason, "stop");
    assert.equal(usage.inputTokens, 7);
    assert.equal(usage.outputTokens, 5);
  },
  async "names a provider's model"() {
    assert.match((await generate(fairlead("upstream/gpt-4o-mini"))).text, /^Fairlead mock: model gpt-4o-mini/);
  },
  async "sends unknown fields on"() {
    await generate(fairlead("gpt-4o-mini"), { providerOptions: { fairlead: { next_weeks_field: { deep: [1] } } } });
    assert.deepEqual(JSON.parse((await mockStats()).last_body).next_weeks_field, { deep: [1] });
  },
  async "streams with usage"() {
    const all = await parts(fairlead(mockModel("tokens=5+usage=7:5")));
    assert.ok(!all.some((p) => p.type === "error"));
    assert.match(all.filter((p) => p.type === "text-delta").map((p) => p.text).join(""), /^Fairlead mock:/);
    const end = all.at(-1);
    assert.equal(end.type, "finish");
    assert.equal(end.finishReason, "stop");
    assert.equal(end.totalUsage.totalTokens, 12);
  },
  async "streams without usage"() {
    const all = await parts(make({ includeUsage: false })(mockModel("tokens=5")));
    assert.ok(!all.some((p) => p.type === "error"));
    assert.equal(all.at(-1).finishReason, "stop");
    assert.equal(all.at(-1).totalUsage.totalTokens, undefined);
  },
  async "calls tools and takes their results"() {
    const cities = [];
    const { text, steps } = await generate(fairlead("gpt-4o-mini"), { tools: { weather: weather(cities) }, stopWhen: isStepCount(3) });
    assert.deepEqual(cities, ["mock"]);
    assert.equal(steps.length, 2);
    assert.match(text, /^Fairlead mock:/);
  },
  async "calls tools in a stream"() {
    const cities = [];
    const all = await parts(fairlead("gpt-4o-mini"), { tools: { weather: weather(cities) }, stopWhen: isStepCount(3) });
    assert.deepEqual(cities, ["mock"]);
    assert.ok(!all.some((p) => p.type === "error"));
    assert.equal(all.at(-1).finishReason, "stop");
  },
  async "embeds"() {
    const { embeddings, usage } = await embedMany({ model: fairlead.embeddingModel("text-embedding-3-small"), values: ["a", "b", "a"] });
    assert.equal(embeddings.length, 3);
    assert.deepEqual(embeddings[0], embeddings[2]);
    assert.ok(usage.tokens > 0);
  },
  async "a bad key is 401"() {
    const err = await failure(generate(make({ apiKey: "fl-test-of-nobody-at-all" })("gpt-4o-mini")));
    assert.ok(APICallError.isInstance(err), String(err));
    assert.equal(err.statusCode, 401);
    assert.ok(!err.isRetryable);
  },
  async "an unknown model is 404"() {
    const err = await failure(generate(fairlead("nope")));
    assert.equal(err.statusCode, 404);
    assert.equal(JSON.parse(err.responseBody).error.code, "model_not_found");
  },
  async "over the rate is 429"() {
    await generate(make({ apiKey: env.LIMITED_KEY })("gpt-4o-mini"));
    const err = await failure(generate(make({ apiKey: env.LIMITED_KEY })("gpt-4o-mini")));
    assert.equal(err.statusCode, 429);
    assert.ok(err.isRetryable);
    checkRetryHeaders(headersOf(err), 60);
    await waitsBeforeRetry((fetch) => retrying(make({ apiKey: env.LIMITED_KEY, fetch })));
  },
  async "a blocked app is 429"() {
    const err = await failure(generate(make({ apiKey: env.FLOODING_KEY })("gpt-4o-mini")));
    assert.equal(err.statusCode, 429);
    assert.equal(headersOf(err).get("x-should-retry"), "false");
  },
  async "a full service is 503"() {
    const busy = { baseURL: env.FAIRLEAD_BUSY_URL + "/v1" };
    const err = await failure(generate(make(busy)("gpt-4o-mini")));
    assert.equal(err.statusCode, 503);
    checkRetryHeaders(headersOf(err), 3600);
    await waitsBeforeRetry((fetch) => retrying(make({ ...busy, fetch })));
  },
  async "retries after Retry-After"() {
    const model = mockModel("429+retry_after=1+times=1");
    const { attempts, fetch } = counting();
    const { text } = await generate(make({ fetch })(model), { maxRetries: 2 });
    assert.match(text, /^Fairlead mock:/);
    assert.equal((await mockStats(model)).total, 2);
    if (attempts.length > 1) assert.ok(attempts[1] - attempts[0] >= 990, `retried after ${attempts[1] - attempts[0]} ms`);
  },
  async "an upstream's failure is a 502"() {
    for (const flags of ["500", "html", "empty", "malformed=1", "cut=1"]) {
      const err = await failure(generate(fairlead(mockModel(flags))));
      assert.equal(err.statusCode, 502, `${flags}: ${err}`);
    }
  },
  async "a broken stream is an error"() {
    for (const flags of ["cut=3", "nodone", "nofinish", "malformed=3", "error_midstream=3"]) {
      const all = await parts(fairlead(mockModel(flags)));
      assert.ok(all.some((p) => p.type === "text-delta"), `${flags}: nothing before the error`);
      assert.ok(all.some((p) => p.type === "error"), `${flags}: ${all.map((p) => p.type).join()}`);
      assert.notEqual(all.at(-1).finishReason, "stop", flags);
    }
  },
  async "aborting a stream stops the upstream"() {
    const model = mockModel("pace=20ms+tokens=500");
    const abort = new AbortController();
    const { fullStream } = streamText({ model: fairlead(model), prompt, maxRetries: 0, abortSignal: abort.signal, onError() {} });
    for await (const part of fullStream) {
      if (part.type === "text-delta") abort.abort();
    }
    await stopped(model);
  },
  async "aborting before the first byte stops the upstream"() {
    const model = mockModel("hang");
    const abort = new AbortController();
    const call = generate(fairlead(model), { abortSignal: abort.signal });
    call.catch(() => {});
    await await_(2000, "the call arrives", async () => (await mockStats(model)).in_flight === 1);
    abort.abort();
    await failure(call);
    await stopped(model);
  },
};

await run(cases);
