// ws for JavaScript against /ws: what Fairlead's own socket says beside the
// frames of the Responses API.
import WebSocket from "ws";
import { assert, await_, env, mockModel, run, slots } from "./check.mjs";

const url = env.FAIRLEAD_URL.replace(/^http/, "ws") + "/ws";
const model = env.MODEL;

/** A socket with all that it has said, and a way to wait for a frame. */
function open(options = {}, protocols) {
  const socket = new WebSocket(url, protocols, { headers: { "x-api-key": env.APP_KEY }, perMessageDeflate: false, ...options });
  const frames = [];
  const waiting = [];
  const look = () => {
    for (const one of [...waiting]) {
      const frame = frames.find(one.is);
      if (!frame) continue;
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve(frame);
    }
  };
  socket.on("message", (data, binary) => {
    assert.equal(binary, false);
    frames.push(JSON.parse(String(data)));
    look();
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
  const frame = (is) => new Promise((resolve) => { waiting.push({ is, resolve }); look(); });
  const send = (value) => socket.send(JSON.stringify(value));
  return { socket, frames, frame, send, closed, type: (type, lane) => frame((f) => f.type === type && (lane === undefined || f.stream_id === lane)) };
}

const text = (frames, lane) =>
  frames.filter((f) => f.type === "response.output_text.delta" && f.stream_id === lane).map((f) => f.delta).join("");

const cases = {
  async "greets, and answers a ping"() {
    const s = open();
    const hello = await s.type("session.created");
    assert.ok(hello.session_id && hello.limits && hello.heartbeat, JSON.stringify(hello));
    s.send({ type: "ping" });
    await s.type("pong");
    s.socket.close();
    assert.equal((await s.closed).code, 1005);
  },
  async "answers on lanes side by side"() {
    const s = open();
    await s.type("session.created");
    for (const lane of ["a", "b"]) s.send({ type: "response.create", stream_id: lane, model, input: "Hello from " + lane });
    for (const lane of ["a", "b"]) {
      await s.type("response.completed", lane);
      assert.match(text(s.frames, lane), /^Fairlead mock:/);
    }
    s.socket.close();
  },
  async "cancels"() {
    const s = open();
    await s.type("session.created");
    s.send({ type: "response.create", stream_id: "a", model: mockModel("tokens=500+pace=20ms"), input: "Hello" });
    const created = await s.type("response.created", "a");
    s.send({ type: "response.cancel", stream_id: "a", response_id: created.response.id });
    await s.frame((f) => f.stream_id === "a" && (f.type === "response.cancelled" || f.type === "response.failed" || f.type === "response.incomplete" || f.type === "error"));
    await await_(2_000, "the slot to be free", async () => (await slots()) === 0);
    s.socket.close();
  },
  async "resumes on another socket"() {
    const s = open();
    await s.type("session.created");
    s.send({ type: "response.create", stream_id: "a", model: mockModel("tokens=40+pace=20ms"), input: "Hello" });
    const created = await s.type("response.created", "a");
    await s.type("response.output_text.delta", "a");
    s.socket.terminate();
    const seen = s.frames.filter((f) => f.stream_id === "a" && f.sequence_number !== undefined);
    const again = open();
    await again.type("session.created");
    again.send({ type: "response.resume", stream_id: "a", response_id: created.response.id, starting_after: seen.at(-1).sequence_number });
    const done = await again.type("response.completed", "a");
    const rest = again.frames.filter((f) => f.stream_id === "a" && f.sequence_number !== undefined);
    const all = [...seen, ...rest];
    assert.deepEqual(all.map((f) => f.sequence_number), all.map((_, i) => i));
    assert.equal(text(all, "a"), done.response.output[0].content[0].text);
    again.socket.close();
  },
  async "speaks chat completions"() {
    const s = open();
    await s.type("session.created");
    s.send({ type: "chat.completion.create", stream_id: "c", model, messages: [{ role: "user", content: "Hello" }] });
    await s.type("chat.completion.done", "c");
    const said = s.frames.filter((f) => f.type === "chat.completion.chunk").map((f) => f.data.choices[0]?.delta?.content ?? "").join("");
    assert.match(said, /^Fairlead mock:/);
    s.socket.close();
  },
  async "opens by subprotocol and by ticket"() {
    const key = open({ headers: {} }, ["fairlead", "openai-insecure-api-key." + env.APP_KEY]);
    await key.type("session.created");
    key.socket.close();
    const response = await fetch(env.FAIRLEAD_URL + "/ws/ticket", { method: "POST", headers: { "x-api-key": env.APP_KEY } });
    const { ticket } = await response.json();
    const byTicket = (t) => new WebSocket(url + "?ticket=" + t);
    const first = byTicket(ticket);
    await new Promise((resolve, reject) => { first.on("message", resolve); first.on("error", reject); });
    first.close();
    const second = byTicket(ticket);
    const code = await new Promise((resolve) => { second.on("close", resolve); second.on("error", () => {}); });
    assert.equal(code, 1008);
  },
  async "a bad key is closed with 1008"() {
    const s = open({ headers: { "x-api-key": "wrong" } });
    assert.equal((await s.closed).code, 1008);
  },
  async "nonsense is an error, and the socket stays"() {
    const s = open();
    await s.type("session.created");
    s.socket.send("{");
    await s.type("error");
    s.send({ type: "response.create", model, input: "Hello" });
    await s.type("response.completed");
    s.socket.close();
  },
  async "too big is closed with 1009"() {
    const s = open();
    await s.type("session.created");
    s.socket.send(JSON.stringify({ type: "ping", padding: "x".repeat(2 << 20) }));
    assert.equal((await s.closed).code, 1009);
  },
};

await run(cases);
