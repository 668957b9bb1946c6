// @anthropic-ai/sdk against Fairlead. PROVIDER names the upstream: one that speaks
// Anthropic's API, or one that is reached by translation.
import Anthropic from "@anthropic-ai/sdk";

import {
  assert, await_, checkRetryHeaders, collect, counting, env, failure, messagesTool, mockModel, mockStats, run, stopped, waitsBeforeRetry,
} from "./check.mjs";

const direct = env.PROVIDER === "claude";
const make = (options = {}) => new Anthropic({ baseURL: env.FAIRLEAD_URL, apiKey: env.APP_KEY, authToken: null, maxRetries: 0, ...options });
const client = make();
const messages = [{ role: "user", content: "Hello" }];
const through = (model) => `${env.PROVIDER}/${model}`;
const ask = (model, more = {}) => ({ model: through(model), max_tokens: 1000, messages, ...more });

/** A call that is retried. */
const retrying = (options) => make({ ...options, maxRetries: 2 }).messages.create(ask("mock"));

const cases = {
  async "chats"() {
    const { data, response, request_id } = await client.messages.create(ask("mock+usage=7:5")).withResponse();
    assert.match(data.content[0].text, /^Fairlead mock: model mock/);
    assert.equal(data.type, "message");
    assert.equal(data.stop_reason, "end_turn");
    assert.deepEqual([data.usage.input_tokens, data.usage.output_tokens], [7, 5]);
    assert.match(request_id, /^req_\d+_\d+$/);
    assert.ok(response.headers.has("x-fairlead-queue-ms"));
  },
  async "is cut at max_tokens"() {
    const answer = await client.messages.create(ask("mock", { max_tokens: 3 }));
    assert.equal(answer.stop_reason, "max_tokens");
  },
  async "sends what it says beside the body"() {
    const betas = ["context-management-2025-06-27", "other-2026-01-01"];
    await client.beta.messages.create({ ...ask("mock"), betas }, { query: { beta: "true" } });
    const { last } = await mockStats();
    if (!direct) return assert.equal(last.query, "");
    assert.equal(last.path, "/v1/messages");
    assert.equal(last.query, "beta=true");
    assert.equal(last.header["Anthropic-Beta"].join(), "context-management-2025-06-27,other-2026-01-01");
    assert.ok(last.header["Anthropic-Version"][0]);
  },
  async "sends unknown fields on, or names them"() {
    const model = mockModel("tokens=2");
    const body = ask(model, { next_weeks_field: { deep: [1, "é", null] }, temperature: 0.123456789012345678 });
    const { response } = await client.messages.create(body).withResponse();
    if (!direct) return assert.equal(response.headers.get("x-fairlead-dropped-fields"), "next_weeks_field");
    assert.equal((await mockStats()).last_body, JSON.stringify({ ...body, model }));
    assert.equal(response.headers.get("x-fairlead-dropped-fields"), null);
  },
  async "streams"() {
    const events = await collect(await client.messages.create({ ...ask(mockModel("tokens=5+usage=7:5")), stream: true }));
    assert.equal(events[0].type, "message_start");
    assert.equal(events.at(-1).type, "message_stop");
    assert.match(events.map((e) => e.delta?.text ?? "").join(""), /^Fairlead mock:/);
    const delta = events.find((e) => e.type === "message_delta");
    assert.equal(delta.delta.stop_reason, "end_turn");
    assert.equal(delta.usage.output_tokens, 5);
  },
  async "streams with the helper"() {
    const stream = client.messages.stream(ask("mock"));
    assert.match(await stream.finalText(), /^Fairlead mock:/);
    assert.equal((await stream.finalMessage()).stop_reason, "end_turn");
  },
  async "calls tools and takes their results"() {
    const asked = await client.messages.create(ask("mock", { tools: [messagesTool] }));
    assert.equal(asked.stop_reason, "tool_use");
    assert.deepEqual(asked.content[0].input, { city: "mock" });
    const answer = await client.messages.create(ask("mock", {
      tools: [messagesTool],
      messages: [
        ...messages, { role: "assistant", content: asked.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: asked.content[0].id, content: "sunny" }] },
      ],
    }));
    assert.match(answer.content[0].text, /3 message/);
  },
  async "streams tool calls"() {
    const message = await client.messages.stream(ask("mock", { tools: [messagesTool] })).finalMessage();
    assert.equal(message.stop_reason, "tool_use");
    assert.equal(message.content[0].name, "weather");
    assert.deepEqual(message.content[0].input, { city: "mock" });
  },
  async "counts tokens"() {
    const { input_tokens } = await client.messages.countTokens({ model: through("mock"), messages });
    assert.ok(input_tokens > 0);
  },
  async "a bad key is 401"() {
    const err = await failure(make({ apiKey: "fl-test-of-nobody-at-all" }).messages.create(ask("mock")));
    assert.ok(err instanceof Anthropic.AuthenticationError, String(err));
    assert.equal(err.error.error.code, "invalid_api_key");
    assert.match(err.requestID, /^req_/);
  },
  async "an unknown model is 404"() {
    const err = await failure(client.messages.create({ ...ask("x"), model: "nope" }));
    assert.ok(err instanceof Anthropic.NotFoundError, String(err));
    assert.equal(err.error.error.type, "not_found_error");
  },
  async "a bad request is 400"() {
    const err = await failure(client.messages.create(ask("mock", { messages: [] })));
    assert.ok(err instanceof Anthropic.BadRequestError, String(err));
    assert.equal(err.error.error.type, "invalid_request_error");
  },
  async "over the rate is 429"() {
    const limited = make({ apiKey: env.LIMITED_KEY });
    await limited.messages.create(ask("mock"));
    const err = await failure(limited.messages.create(ask("mock")));
    assert.ok(err instanceof Anthropic.RateLimitError, String(err));
    checkRetryHeaders(err.headers, 60);
    assert.equal(err.headers.get("x-should-retry"), "true");
    await waitsBeforeRetry((fetch) => retrying({ apiKey: env.LIMITED_KEY, fetch }));
  },
  async "a blocked app is not retried"() {
    const { attempts, fetch } = counting();
    const err = await failure(make({ apiKey: env.FLOODING_KEY, fetch, maxRetries: 2 }).messages.create(ask("mock")));
    assert.ok(err instanceof Anthropic.RateLimitError, String(err));
    assert.equal(err.headers.get("x-should-retry"), "false");
    assert.equal(attempts.length, 1);
  },
  async "a full service is 503"() {
    const err = await failure(make({ baseURL: env.FAIRLEAD_BUSY_URL }).messages.create(ask("mock")));
    assert.ok(err instanceof Anthropic.InternalServerError, String(err));
    assert.equal(err.status, 503);
    assert.equal(err.error.error.type, "overloaded_error");
    checkRetryHeaders(err.headers, 3600);
    await waitsBeforeRetry((fetch) => retrying({ baseURL: env.FAIRLEAD_BUSY_URL, fetch }));
  },
  async "retries after Retry-After"() {
    const model = mockModel(`${direct ? 529 : 429}+retry_after=1+times=1`);
    const { attempts, fetch } = counting();
    const answer = await make({ fetch, maxRetries: 2 }).messages.create(ask(model));
    assert.match(answer.content[0].text, /^Fairlead mock:/);
    assert.equal((await mockStats(model)).total, 2);
    if (attempts.length > 1) assert.ok(attempts[1] - attempts[0] >= 990, `retried after ${attempts[1] - attempts[0]} ms`);
  },
  async "an upstream's failure is a 502"() {
    for (const flags of ["500", "status=401", "html", "empty", "malformed=1", "cut=1"]) {
      const err = await failure(client.messages.create(ask(mockModel(flags))));
      assert.equal(err.status, 502, `${flags}: ${err}`);
      assert.equal(err.error.error.type, "api_error", flags);
    }
  },
  async "a stream that fails at once is a 502"() {
    for (const flags of ["500", "html", "empty", "cut=0"]) {
      const err = await failure(client.messages.create({ ...ask(mockModel(flags)), stream: true }));
      assert.equal(err.status, 502, `${flags}: ${err}`);
    }
  },
  async "a stream that is cut anywhere throws"() {
    const events = direct ? 12 : 10;
    for (let n = 1; n < events; n++) {
      const stream = await client.messages.create({ ...ask(mockModel(`tokens=6+cut=${n}`)), stream: true });
      const seen = [];
      const err = await failure((async () => { for await (const event of stream) seen.push(event); })());
      assert.ok(err instanceof Anthropic.APIError, `cut=${n}: ${err}`);
      assert.ok(!seen.some((e) => e.type === "message_stop"), `cut=${n}`);
    }
  },
  async "a broken stream throws"() {
    for (const flags of ["nodone", "nofinish", "malformed=4", "error_midstream=4"]) {
      const err = await failure(client.messages.stream(ask(mockModel(flags))).finalMessage());
      assert.ok(err instanceof Anthropic.APIError, `${flags}: ${err}`);
    }
  },
  async "aborting a stream stops the upstream"() {
    const model = mockModel("pace=20ms+tokens=500");
    const stream = await client.messages.create({ ...ask(model), stream: true });
    for await (const event of stream) {
      if (event.type === "content_block_delta") break;
    }
    stream.controller.abort();
    await stopped(model);
  },
  async "aborting before the first byte stops the upstream"() {
    const model = mockModel("hang");
    const abort = new AbortController();
    const call = client.messages.create(ask(model), { signal: abort.signal });
    call.catch(() => {});
    await await_(2000, "the call arrives", async () => (await mockStats(model)).in_flight === 1);
    abort.abort();
    assert.ok((await failure(call)) instanceof Anthropic.APIUserAbortError);
    await stopped(model);
  },
};

await run(cases);
