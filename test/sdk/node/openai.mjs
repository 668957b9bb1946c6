// openai for JavaScript against Fairlead. MODULE names the installed major.
import {
  assert, await_, checkRetryHeaders, chatTool, collect, counting, env, failure, mockModel, mockStats, run, stopped, waitsBeforeRetry,
} from "./check.mjs";

const sdk = await import(env.MODULE);
const OpenAI = sdk.default;

const make = (options = {}) =>
  new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, maxRetries: 0, ...options });
const client = make();
const messages = [{ role: "user", content: "Hello" }];

/** A call that is retried. */
const retrying = (options) => make({ ...options, maxRetries: 2 }).chat.completions.create({ model: "gpt-4o-mini", messages });

const cases = {
  async "lists models"() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes("upstream/gpt-4o-mini"), ids.join());
    for (const id of ids) assert.equal((await client.models.retrieve(id)).id, id);
  },
  async "retrieves a model"() {
    assert.equal((await client.models.retrieve("gpt-4o-mini")).id, "gpt-4o-mini");
    assert.equal((await client.models.retrieve("upstream/gpt-4o-mini")).object, "model");
  },
  async "retrieving an unknown model is 404"() {
    const err = await failure(client.models.retrieve("nope"));
    assert.ok(err instanceof OpenAI.NotFoundError, String(err));
    assert.equal(err.code, "model_not_found");
  },
  async "chats"() {
    const { data, response, request_id } = await client.chat.completions
      .create({ model: "gpt-4o-mini", messages })
      .withResponse();
    assert.match(data.choices[0].message.content, /^Fairlead mock: model gpt-4o-mini/);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.ok(data.usage.total_tokens > 0);
    assert.match(request_id, /^req_\d+_\d+$/);
    assert.ok(response.headers.has("x-fairlead-queue-ms"));
  },
  async "names a provider's model"() {
    const answer = await client.chat.completions.create({ model: "upstream/gpt-4o-mini", messages });
    assert.match(answer.choices[0].message.content, /^Fairlead mock: model gpt-4o-mini/);
  },
  async "sends unknown fields on"() {
    const model = mockModel("tokens=2");
    const body = { model, messages, next_weeks_field: { deep: [1, "é", null] }, temperature: 0.123456789012345678 };
    await client.chat.completions.create(body);
    assert.equal((await mockStats()).last_body, JSON.stringify(body));
  },
  async "streams without usage"() {
    const chunks = await collect(
      await client.chat.completions.create({ model: mockModel("tokens=5"), messages, stream: true }),
    );
    assert.ok(chunks.length >= 6);
    assert.match(chunks.map((c) => c.choices[0].delta.content ?? "").join(""), /^Fairlead mock:/);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage));
  },
  async "streams with usage"() {
    const chunks = await collect(
      await client.chat.completions.create({
        model: mockModel("tokens=5+usage=7:5"), messages, stream: true, stream_options: { include_usage: true },
      }),
    );
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.deepEqual(chunks.at(-1).usage, { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
  },
  async "streams with the helper"() {
    const stream = client.chat.completions.stream({ model: "gpt-4o-mini", messages });
    assert.match(await stream.finalContent(), /^Fairlead mock:/);
  },
  async "calls tools and takes their results"() {
    const asked = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools: [chatTool] });
    const { message, finish_reason } = asked.choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "mock" });
    const answer = await client.chat.completions.create({
      model: "gpt-4o-mini", tools: [chatTool],
      messages: [...messages, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" }],
    });
    assert.match(answer.choices[0].message.content, /3 message/);
  },
  async "runs tools with the helper"() {
    const cities = [];
    const tool = { ...chatTool, function: { ...chatTool.function, parse: JSON.parse, function: ({ city }) => { cities.push(city); return "sunny"; } } };
    const runner = client.chat.completions.runTools({ model: "gpt-4o-mini", messages, tools: [tool], stream: true });
    assert.match(await runner.finalContent(), /^Fairlead mock:/);
    assert.deepEqual(cities, ["mock"]);
  },
  async "embeds"() {
    const model = "text-embedding-3-small";
    const [compact, plain] = await Promise.all([
      client.embeddings.create({ model, input: ["a", "b"] }),
      client.embeddings.create({ model, input: ["a", "b"], encoding_format: "float" }),
    ]);
    assert.equal(compact.data.length, 2);
    assert.deepEqual(compact.data[1].embedding.map(Math.fround), plain.data[1].embedding.map(Math.fround));
  },
  async "a bad key is 401"() {
    const err = await failure(make({ apiKey: "fl-test-of-nobody-at-all" }).chat.completions.create({ model: "gpt-4o-mini", messages }));
    assert.ok(err instanceof OpenAI.AuthenticationError, String(err));
    assert.equal(err.code, "invalid_api_key");
    assert.match(err.requestID ?? err.request_id, /^req_/);
  },
  async "an unknown model is 404"() {
    const err = await failure(client.chat.completions.create({ model: "nope", messages }));
    assert.ok(err instanceof OpenAI.NotFoundError, String(err));
    assert.equal(err.code, "model_not_found");
  },
  async "a bad request is 400"() {
    const err = await failure(client.chat.completions.create({ model: "gpt-4o-mini", messages: [] }));
    assert.ok(err instanceof OpenAI.BadRequestError, String(err));
    assert.equal(err.param, "messages");
  },
  async "over the rate is 429"() {
    const limited = make({ apiKey: env.LIMITED_KEY });
    const { response } = await limited.chat.completions.create({ model: "gpt-4o-mini", messages }).withResponse();
    assert.equal(response.headers.get("x-ratelimit-remaining-requests"), "0");
    const err = await failure(limited.chat.completions.create({ model: "gpt-4o-mini", messages }));
    assert.ok(err instanceof OpenAI.RateLimitError, String(err));
    checkRetryHeaders(err.headers, 60);
    assert.equal(err.headers.get("x-should-retry"), "true");
    await waitsBeforeRetry((fetch) => retrying({ apiKey: env.LIMITED_KEY, fetch }));
  },
  async "a blocked app is not retried"() {
    const { attempts, fetch } = counting();
    const blocked = make({ apiKey: env.FLOODING_KEY, fetch, maxRetries: 2 });
    const err = await failure(blocked.chat.completions.create({ model: "gpt-4o-mini", messages }));
    assert.ok(err instanceof OpenAI.RateLimitError, String(err));
    assert.equal(err.headers.get("x-should-retry"), "false");
    checkRetryHeaders(err.headers, 50);
    assert.equal(attempts.length, 1);
  },
  async "a full service is 503"() {
    const err = await failure(make({ baseURL: env.FAIRLEAD_BUSY_URL + "/v1" }).chat.completions.create({ model: "gpt-4o-mini", messages }));
    assert.ok(err instanceof OpenAI.InternalServerError, String(err));
    assert.equal(err.status, 503);
    checkRetryHeaders(err.headers, 3600);
    await waitsBeforeRetry((fetch) => retrying({ baseURL: env.FAIRLEAD_BUSY_URL + "/v1", fetch }));
  },
  async "retries after Retry-After"() {
    for (const status of [429, 503]) {
      const model = mockModel(`${status}+retry_after=1+times=1`);
      const { attempts, fetch } = counting();
      const answer = await make({ fetch, maxRetries: 2 }).chat.completions.create({ model, messages });
      assert.match(answer.choices[0].message.content, /^Fairlead mock:/);
      assert.equal((await mockStats(model)).total, 2);
      if (attempts.length > 1) assert.ok(attempts[1] - attempts[0] >= 990, `retried after ${attempts[1] - attempts[0]} ms`);
    }
  },
  async "an upstream's failure is a 502"() {
    for (const flags of ["500", "status=401", "html", "empty", "malformed=1", "cut=1", "error_midstream=1", "redirect=http://127.0.0.1:9/"]) {
      const err = await failure(client.chat.completions.create({ model: mockModel(flags), messages }));
      assert.equal(err.status, 502, `${flags}: ${err}`);
      assert.ok(err.code, `${flags}: no code`);
    }
  },
  async "a stream that fails at once is a 502"() {
    for (const flags of ["500", "html", "empty", "cut=0", "error_midstream=0"]) {
      const err = await failure(client.chat.completions.create({ model: mockModel(flags), messages, stream: true }));
      assert.equal(err.status, 502, `${flags}: ${err}`);
    }
  },
  async "a broken stream throws"() {
    for (const flags of ["cut=3", "nodone", "nofinish", "malformed=3", "error_midstream=3"]) {
      const stream = await client.chat.completions.create({ model: mockModel(flags), messages, stream: true });
      const seen = [];
      const err = await failure((async () => { for await (const chunk of stream) seen.push(chunk); })());
      assert.ok(err instanceof OpenAI.APIError, `${flags}: ${err}`);
      assert.ok(seen.length >= 2, `${flags}: ${seen.length} chunks before the error`);
      assert.ok(seen.every((c) => !c.choices[0].finish_reason) || flags === "malformed=3", flags);
    }
  },
  async "aborting a stream stops the upstream"() {
    const model = mockModel("pace=20ms+tokens=500");
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;
    }
    stream.controller.abort();
    await stopped(model);
  },
  async "aborting before the first byte stops the upstream"() {
    const model = mockModel("hang");
    const abort = new AbortController();
    const call = client.chat.completions.create({ model, messages }, { signal: abort.signal });
    call.catch(() => {});
    await await_(2000, "the call arrives", async () => (await mockStats(model)).in_flight === 1);
    abort.abort();
    assert.ok((await failure(call)) instanceof OpenAI.APIUserAbortError);
    await stopped(model);
  },
};

await run(cases);
