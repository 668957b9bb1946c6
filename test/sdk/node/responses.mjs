// openai's Responses API for JavaScript against Fairlead, over HTTP and WebSocket.
// MODULE names the installed major.
import { assert, await_, citySchema, collect, env, failure, mockModel, run, slots, stopped } from "./check.mjs";

const { default: OpenAI } = await import(env.MODULE);
const { ResponsesWS } = await import(env.MODULE + "/resources/responses/ws");

const client = new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, maxRetries: 0 });
const busy = new OpenAI({ baseURL: env.FAIRLEAD_BUSY_URL + "/v1", apiKey: env.APP_KEY, maxRetries: 0 });
const stranger = new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.LIMITED_KEY, maxRetries: 0 });
const model = env.MODEL;
const tool = { type: "function", name: "weather", parameters: citySchema, strict: false };
const greeting = /^Fairlead mock:/;

/** A socket that is open: openai 6 sends nothing before that. */
async function open() {
  const sdk = new ResponsesWS(client);
  const bare = sdk.socket;
  if (env.MODULE === "openai6" && bare.readyState === 0) await new Promise((resolve, reject) => bare.once("open", resolve).once("error", reject));
  return sdk;
}

/** All events of one turn over a socket. */
async function turn(socket, body) {
  const events = [];
  const ended = new Promise((resolve, reject) => {
    socket.on("event", (event) => {
      events.push(event);
      if (["response.completed", "response.incomplete", "response.failed"].includes(event.type)) resolve();
    });
    socket.on("error", reject);
  });
  socket.send({ type: "response.create", ...body });
  await ended;
  return events;
}

/** What the deltas of a stream's events say. */
const told = (events) => events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");

/** The numbers of the events rise by one from 0. */
function numbered(events, from = 0) {
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => from + i));
}

const cases = {
  async "answers"() {
    const { data, request_id } = await client.responses.create({ model, input: "Hello" }).withResponse();
    assert.equal(data.status, "completed");
    assert.match(data.output_text, greeting);
    assert.match(data.id, /^resp_/);
    assert.ok(data.usage.total_tokens > 0);
    assert.match(request_id, /^req_\d+_\d+$/);
  },
  async "streams"() {
    const events = await collect(await client.responses.create({ model, input: "Hello", stream: true }));
    assert.equal(events[0].type, "response.created");
    assert.equal(events.at(-1).type, "response.completed");
    assert.match(told(events), greeting);
    assert.equal(events.at(-1).response.output[0].content[0].text, told(events));
    numbered(events);
  },
  async "streams with the helper"() {
    const stream = client.responses.stream({ model, input: "Hello" });
    const final = await stream.finalResponse();
    assert.match(final.output[0].content[0].text, greeting);
  },
  async "calls tools and takes their results"() {
    const asked = await client.responses.create({ model, input: "Weather?", tools: [tool] });
    const call = asked.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "mock" });
    const answer = await client.responses.create({
      model, previous_response_id: asked.id, tools: [tool],
      input: [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }],
    });
    assert.equal(answer.status, "completed");
    assert.equal(answer.previous_response_id, asked.id);
  },
  async "streams a tool call"() {
    const stream = client.responses.stream({ model, input: "Weather?", tools: [tool] });
    const final = await stream.finalResponse();
    const call = final.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { city: "mock" });
  },
  async "continues, retrieves, lists and deletes"() {
    const first = await client.responses.create({ model, input: "One" });
    const second = await client.responses.create({ model, input: "Two", previous_response_id: first.id });
    const again = await client.responses.retrieve(second.id);
    assert.equal(again.id, second.id);
    assert.equal(again.output_text ?? again.output[0].content[0].text, second.output_text);
    const items = await collect(await client.responses.inputItems.list(second.id));
    assert.ok(items.some((i) => i.role === "user" && JSON.stringify(i.content).includes("Two")), JSON.stringify(items));
    await client.responses.delete(second.id);
    const err = await failure(client.responses.retrieve(second.id));
    assert.ok(err instanceof OpenAI.NotFoundError, String(err));
  },
  async "what is not stored is not found"() {
    const answer = await client.responses.create({ model, input: "Hello", store: false });
    assert.ok((await failure(client.responses.retrieve(answer.id))) instanceof OpenAI.NotFoundError);
    const err = await failure(client.responses.create({ model, input: "And?", previous_response_id: answer.id }));
    assert.equal(err.code, "previous_response_not_found");
  },
  async "another app's response is an unknown one"() {
    const { id } = await client.responses.create({ model, input: "Hello" });
    const foreign = await failure(stranger.responses.retrieve(id));
    const unknown = await failure(stranger.responses.retrieve("resp_" + "0".repeat(id.length - 5)));
    assert.equal(foreign.status, 404);
    assert.equal(foreign.message.replaceAll(id, ""), unknown.message.replaceAll("resp_" + "0".repeat(id.length - 5), ""));
  },
  async "works in the background"() {
    const begun = await client.responses.create({ model, input: "Hello", background: true });
    assert.ok(["queued", "in_progress", "completed"].includes(begun.status), begun.status);
    let now;
    await await_(10_000, "the response to be completed", async () => {
      now = await client.responses.retrieve(begun.id);
      return now.status === "completed";
    });
    assert.match(now.output_text ?? now.output[0].content[0].text, greeting);
  },
  async "streams in the background, and again from anywhere"() {
    const events = await collect(await client.responses.create({ model, input: "Hello", background: true, stream: true }));
    numbered(events);
    const { id } = events[0].response;
    const at = Math.floor(events.length / 2);
    const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: at }));
    assert.deepEqual(rest, events.slice(at + 1));
  },
  async "cancels in the background"() {
    const begun = await client.responses.create({ model: mockModel("hang"), input: "Hello", background: true });
    const cancelled = await client.responses.cancel(begun.id);
    assert.equal(cancelled.status, "cancelled");
    await await_(2_000, "the slot to be free", async () => (await slots()) === 0);
  },
  async "leaving a stream stops the upstream"() {
    const slow = mockModel("tokens=500+pace=20ms");
    const stream = await client.responses.create({ model: slow, input: "Hello", stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    await stopped(slow);
  },
  async "a broken stream throws"() {
    const err = await failure(
      client.responses.create({ model: mockModel("tokens=20+cut=8"), input: "Hello", stream: true }).then(collect),
    );
    assert.ok(err instanceof Error, String(err));
  },
  async "a full service says when to come back"() {
    const err = await failure(busy.responses.create({ model, input: "Hello" }));
    assert.equal(err.status, 503);
    assert.ok(Number(err.headers.get("retry-after")) >= 1);
  },
  async "an unknown model is 404"() {
    assert.equal((await failure(client.responses.create({ model: "nope", input: "Hello" }))).code, "model_not_found");
  },
  async "answers over a socket"() {
    const socket = await open();
    const events = await turn(socket, { model, input: "Hello" });
    assert.match(told(events), greeting);
    numbered(events);
    const next = await turn(socket, { model, input: "More", previous_response_id: events[0].response.id });
    assert.equal(next.at(-1).response.previous_response_id, events[0].response.id);
    socket.close();
  },
  async "remembers on a socket what is not stored"() {
    const socket = await open();
    const [{ response: first }] = await turn(socket, { model, input: "Hello", store: false });
    const next = await turn(socket, { model, input: "More", store: false, previous_response_id: first.id });
    assert.equal(next.at(-1).type, "response.completed");
    assert.ok((await failure(client.responses.retrieve(first.id))) instanceof OpenAI.NotFoundError);
    socket.close();
  },
  async "tells errors over a socket"() {
    const socket = await open();
    const err = await failure(turn(socket, { model, input: "Hello", previous_response_id: "resp_unknown" }));
    assert.match(JSON.stringify(err.error ?? err.message), /previous_response_not_found/);
    socket.close();
  },
};

await run(cases);
