// Streams as they leave Fairlead, read by a parser that was written elsewhere and
// is fed with the bytes cut at every offset: the events must be the same.
import { createParser } from "eventsource-parser";

import { assert, chatTool, env, messagesTool, mockModel, run } from "./check.mjs";

const SAID = "Hé 漢字 😀\u2028 a\\b \"c\"\r\nd\te \u0000f \ufeff data: x";
const faces = {
  native: { path: "/chat/completion", tool: chatTool, end: "[DONE]" },
  chat: { path: "/v1/chat/completions", tool: chatTool, end: "[DONE]" },
  messages: { path: "/v1/messages", tool: messagesTool, end: "message_stop" },
};

/** The bytes of a stream: of Fairlead, or of the mock. */
async function bytes(root, path, key, body) {
  const response = await fetch(root + path, {
    method: "POST", body: JSON.stringify({ max_tokens: 1000, stream: true, messages: [{ role: "user", content: SAID }], ...body }),
    headers: { "content-type": "application/json", "x-api-key": key, "anthropic-version": "2023-06-01" },
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  return new Uint8Array(await response.arrayBuffer());
}

/** What the parser makes of pieces of bytes; a piece may end within a character. */
function read(pieces) {
  const told = [];
  const parser = createParser({
    onEvent: (event) => told.push(event), onComment: (comment) => told.push({ comment }),
    onRetry: (retry) => told.push({ retry }), onError: (error) => told.push({ error: String(error) }),
  });
  const decoder = new TextDecoder();
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }));
  return told;
}

/** Checks that every cut of the stream gives the same events, and returns them. */
function everyCut(stream) {
  const whole = read([stream]);
  const want = JSON.stringify(whole);
  for (let at = 1; at < stream.length; at++) {
    const got = JSON.stringify(read([stream.subarray(0, at), stream.subarray(at)]));
    assert.ok(got === want, `cut at ${at}: got ${got}, want ${want}`);
  }
  const single = JSON.stringify(read(Array.from(stream, (_, at) => stream.subarray(at, at + 1))));
  assert.ok(single === want, `byte by byte: got ${single}, want ${want}`);
  for (const one of whole) assert.ok(!("error" in one), JSON.stringify(one));
  return whole;
}

/** The text, or the arguments of a tool, that the events say. */
const said = (events) => events.map(({ data }) => {
  if (!data || data === "[DONE]") return "";
  const { choices, delta } = JSON.parse(data);
  const of = choices ? choices[0]?.delta : delta;
  return of?.content ?? of?.tool_calls?.[0].function.arguments ?? of?.text ?? of?.partial_json ?? "";
}).join("");

/** The event that a stream ends with. */
const last = (events) => {
  const { event, data } = events.at(-1);
  return data === "[DONE]" ? data : event;
};

/** What a client can tell of an event, without what differs from call to call. */
const plain = ({ event, id, comment, data }) =>
  ({ event, id, comment, data: data?.replace(/"(id|model|created)": ?("[^"]*"|\d+)/g, "").replace(/_tokens":\d+/g, "") });

const through = (face, provider, flags, more = {}, root = env.FAIRLEAD_URL) =>
  bytes(root, faces[face].path, env.APP_KEY, { model: `${provider}/${mockModel(flags)}`, ...more });

const cases = {};
for (const [face, { tool, end }] of Object.entries(faces)) {
  for (const provider of ["upstream", "claude"]) {
    for (const form of ["", "+crlf", "+comments", "+multiline", "+crlf+comments+multiline"]) {
      cases[`${face} from ${provider}${form}`] = async () => {
        const events = everyCut(await through(face, provider, "echo" + form));
        assert.equal(said(events), "Fairlead mock: " + SAID);
        assert.equal(last(events), end);
      };
    }
    cases[`${face} from ${provider} with a tool`] = async () => {
      const events = everyCut(await through(face, provider, "tokens=3+crlf", { tools: [tool] }));
      assert.deepEqual(JSON.parse(said(events)), { city: "mock" });
      assert.equal(last(events), end);
    };
    cases[`${face} from ${provider}, broken`] = async () => {
      for (const flags of ["error_midstream=4", "cut=5:9", "malformed=5"]) {
        const events = everyCut(await through(face, provider, `echo+crlf+${flags}`));
        assert.ok(JSON.parse(events.at(-1).data).error, `${flags}: ${JSON.stringify(events.at(-1))}`);
      }
    };
    cases[`${face} from ${provider} after a wait in the queue`] = async () => {
      const first = through(face, provider, "delay=500ms", {}, env.FAIRLEAD_BUSY_URL);
      await new Promise((resolve) => setTimeout(resolve, 50)); // the first call has the only slot
      const events = everyCut(await through(face, provider, "echo+comments", {}, env.FAIRLEAD_BUSY_URL));
      await first;
      const alive = face === "messages" ? events[0].event === "ping" : events[0].comment === "queued";
      assert.ok(alive, JSON.stringify(events[0]));
      assert.equal(said(events), "Fairlead mock: " + SAID);
    };
  }
}
// Where nothing is translated, the parser sees what it sees of the upstream itself.
for (const [face, provider, more] of [["chat", "upstream", { stream_options: { include_usage: true } }], ["messages", "claude", {}]]) {
  cases[`${face} is what ${provider} sent`] = async () => {
    for (const form of ["", "+crlf", "+comments", "+multiline", "+crlf+comments+multiline"]) {
      const sent = read([await bytes(env.MOCK_URL, faces[face].path, env.MOCK_KEY, { model: mockModel("echo" + form), ...more })]);
      const got = everyCut(await through(face, provider, "echo" + form, more));
      assert.deepEqual(got.map(plain), sent.map(plain), form);
    }
  };
}
await run(cases);
