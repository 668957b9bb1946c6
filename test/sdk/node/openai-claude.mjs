// openai for JavaScript against a provider that speaks Anthropic's API. MODULE
// names the installed major.
import { assert, chatTool, collect, env, failure, mockModel, mockStats, run, stopped } from "./check.mjs";

const sdk = await import(env.MODULE);
const OpenAI = sdk.default;

const client = new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, maxRetries: 0 });
const messages = [{ role: "system", content: "Be brief" }, { role: "user", content: "Hello" }];
const ask = (model, more = {}) => ({ model: `${env.PROVIDER}/${model}`, messages, ...more });

const cases = {
  async "chats"() {
    const { data, response } = await client.chat.completions.create(ask("mock+usage=7:5", { seed: 1 })).withResponse();
    assert.match(data.choices[0].message.content, /^Fairlead mock: model mock/);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.deepEqual(data.usage, { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
    assert.equal(response.headers.get("x-fairlead-dropped-fields"), "seed");
    assert.equal((await mockStats()).last.path, "/v1/messages");
  },
  async "streams without usage"() {
    const chunks = await collect(await client.chat.completions.create(ask(mockModel("tokens=5"), { stream: true })));
    assert.match(chunks.map((c) => c.choices[0].delta.content ?? "").join(""), /^Fairlead mock:/);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage));
  },
  async "streams with usage"() {
    const chunks = await collect(await client.chat.completions.create(
      ask(mockModel("tokens=5+usage=7:5"), { stream: true, stream_options: { include_usage: true } }),
    ));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.deepEqual(chunks.at(-1).usage, { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
  },
  async "streams with the helper"() {
    assert.match(await client.chat.completions.stream(ask("mock")).finalContent(), /^Fairlead mock:/);
  },
  async "calls tools and takes their results"() {
    const asked = await client.chat.completions.create(ask("mock", { tools: [chatTool] }));
    const { message, finish_reason } = asked.choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "mock" });
    const answer = await client.chat.completions.create(ask("mock", {
      tools: [chatTool],
      messages: [...messages, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" }],
    }));
    assert.match(answer.choices[0].message.content, /3 message/);
  },
  async "runs tools with the helper"() {
    const cities = [];
    const called = { ...chatTool, function: { ...chatTool.function, parse: JSON.parse, function: ({ city }) => { cities.push(city); return "sunny"; } } };
    const runner = client.chat.completions.runTools(ask("mock", { tools: [called], stream: true }));
    assert.match(await runner.finalContent(), /^Fairlead mock:/);
    assert.deepEqual(cities, ["mock"]);
  },
  async "what can't be said is a 400"() {
    const err = await failure(client.chat.completions.create(ask("mock", { logprobs: true })));
    assert.ok(err instanceof OpenAI.BadRequestError, String(err));
    assert.equal(err.code, "untranslatable_field");
    assert.equal(err.param, "logprobs");
  },
  async "an upstream's failure is a 502"() {
    for (const flags of ["500", "status=401", "html", "empty", "malformed=1", "cut=1"]) {
      const err = await failure(client.chat.completions.create(ask(mockModel(flags))));
      assert.equal(err.status, 502, `${flags}: ${err}`);
    }
  },
  async "a broken stream throws"() {
    for (const flags of ["cut=5", "nodone", "nofinish", "malformed=5", "error_midstream=5"]) {
      const stream = await client.chat.completions.create(ask(mockModel(flags), { stream: true }));
      const seen = [];
      const err = await failure((async () => { for await (const chunk of stream) seen.push(chunk); })());
      assert.ok(err instanceof OpenAI.APIError, `${flags}: ${err}`);
      assert.ok(seen.length >= 2, `${flags}: ${seen.length} chunks before the error`);
      assert.ok(seen.every((c) => !c.choices[0].finish_reason), flags);
    }
  },
  async "aborting a stream stops the upstream"() {
    const model = mockModel("pace=20ms+tokens=500");
    const stream = await client.chat.completions.create(ask(model, { stream: true }));
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;
    }
    stream.controller.abort();
    await stopped(model);
  },
};

await run(cases);
