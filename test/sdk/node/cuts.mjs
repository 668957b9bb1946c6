// The JavaScript SDKs while the upstream breaks off, at every event of an answer
// and inside each: none may show a part of an answer as the whole.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText } from "ai";
import openai6 from "openai6";
import openai7 from "openai7";

import { weather } from "./ai.mjs";
import { assert, chatTool, collect, env, messagesTool, mockModel, run } from "./check.mjs";

const WIDTH = 8; // calls at one time
const PLAIN = "echo"; // nothing of the model's name is in the answer then
const messages = [{ role: "user", content: "Hé 漢字 😀" }];
const chatURL = env.FAIRLEAD_URL + "/v1";

/**
 * A reading is what a program gets that uses an SDK in one way: it pushes what it
 * is shown to seen, returns what it takes for the end of the answer, and throws
 * what it is told of an error.
 */
const chatIterated = (OpenAI) => async (model, tools, seen) => {
  const client = new OpenAI({ baseURL: chatURL, apiKey: env.APP_KEY, maxRetries: 0 });
  let finish;
  for await (const { choices: [choice] } of await client.chat.completions.create({ model, messages, stream: true, ...(tools && { tools: [chatTool] }) })) {
    seen.push(choice?.delta.content || choice?.delta.tool_calls?.[0].function.arguments || "");
    finish = choice?.finish_reason ?? finish;
  }
  return finish;
};
const chatHelped = (OpenAI) => async (model, tools, seen) => {
  const client = new OpenAI({ baseURL: chatURL, apiKey: env.APP_KEY, maxRetries: 0 });
  const { message, finish_reason } = (await client.chat.completions.stream({ model, messages, ...(tools && { tools: [chatTool] }) }).finalChatCompletion()).choices[0];
  seen.push(message.content || message.tool_calls[0].function.arguments);
  return finish_reason;
};
const chatWhole = (OpenAI) => async (model, tools, seen) => {
  const client = new OpenAI({ baseURL: chatURL, apiKey: env.APP_KEY, maxRetries: 0 });
  const { message, finish_reason } = (await client.chat.completions.create({ model, messages, ...(tools && { tools: [chatTool] }) })).choices[0];
  seen.push(message.content || message.tool_calls[0].function.arguments);
  return finish_reason;
};
const claude = new Anthropic({ baseURL: env.FAIRLEAD_URL, apiKey: env.APP_KEY, authToken: null, maxRetries: 0 });
const claudeAsk = (model, tools) => ({ model, max_tokens: 1000, messages, ...(tools && { tools: [messagesTool] }) });
const claudeIterated = async (model, tools, seen) => {
  let finish;
  for await (const event of await claude.messages.create({ ...claudeAsk(model, tools), stream: true })) {
    seen.push(event.delta?.text ?? event.delta?.partial_json ?? "");
    finish = event.delta?.stop_reason ?? finish;
  }
  return finish;
};
const claudeMessage = ({ content: [block], stop_reason }, seen) => {
  seen.push(block.text ?? JSON.stringify(block.input));
  return stop_reason;
};
const claudeHelped = async (model, tools, seen) => claudeMessage(await claude.messages.stream(claudeAsk(model, tools)).finalMessage(), seen);
const claudeWhole = async (model, tools, seen) => claudeMessage(await claude.messages.create(claudeAsk(model, tools)), seen);

const aiChat = createOpenAICompatible({ name: "fairlead", baseURL: chatURL, apiKey: env.APP_KEY, includeUsage: true });
const aiClaude = createAnthropic({ baseURL: chatURL, apiKey: env.APP_KEY });
const aiAsk = (provider, model, tools, ran = []) =>
  ({ model: provider(model), messages, maxOutputTokens: 1000, maxRetries: 0, ...(tools && { tools: { weather: weather(ran) } }) });
/**
 * Errors are parts of the stream here. After them comes an end, whose reason is
 * "error", and a tool call with what there is of its input, which is not run.
 */
const aiParts = (provider) => async (model, tools, seen) => {
  const ran = [];
  const { fullStream } = streamText({ ...aiAsk(provider, model, tools, ran), onError() {} });
  const all = await collect(fullStream);
  seen.push(...all.map((p) => (p.type === "text-delta" ? p.text : p.type === "tool-input-delta" ? p.delta : "")));
  const broken = all.find((p) => p.type === "error");
  if (broken) {
    assert.deepEqual([all.at(-1).finishReason ?? "error", ran], ["error", []], "after the error");
    throw named("error part", broken.error);
  }
  return all.at(-1).finishReason;
};
/** textStream swallows errors: they are told to onError and by the promises beside it. */
const aiText = (provider) => async (model, tools, seen) => {
  let told;
  const ran = [];
  const result = streamText({ ...aiAsk(provider, model, tools, ran), onError({ error }) { told = error; } });
  seen.push(...await collect(result.textStream));
  const [finish] = await Promise.allSettled([result.finishReason, result.text, result.toolCalls]);
  if (told) {
    assert.deepEqual([finish.value ?? "error", ran], ["error", []], "after the error");
    throw named("onError", told);
  }
  if (finish.status === "rejected") throw named("finishReason", finish.reason);
  seen.push(...(await result.toolCalls).map((c) => JSON.stringify(c.input)));
  return finish.value;
};
const aiWhole = (provider) => async (model, tools, seen) => {
  const { text, toolCalls, finishReason } = await generateText(aiAsk(provider, model, tools));
  seen.push(text || JSON.stringify(toolCalls[0].input));
  return finishReason;
};

/** The error, as the reading was told it. */
const named = (how, error) => Object.assign(new Error(String(error?.message ?? error)), { how, of: error });

/** Each reading with what it is told: before the answer begins, and in a stream. */
const readings = {};
for (const [name, OpenAI] of [["openai6", openai6], ["openai7", openai7]]) {
  readings[`${name} iterator`] = [chatIterated(OpenAI), "InternalServerError 502", "APIError"];
  readings[`${name} helper`] = [chatHelped(OpenAI), "InternalServerError 502", "APIError"];
  readings[`${name} whole`] = [chatWhole(OpenAI), "InternalServerError 502"];
}
readings["anthropic iterator"] = [claudeIterated, "InternalServerError 502", "APIError"];
readings["anthropic helper"] = [claudeHelped, "InternalServerError 502", "APIError"];
readings["anthropic whole"] = [claudeWhole, "InternalServerError 502"];
for (const [name, provider] of [["openai-compatible", aiChat], ["ai-anthropic", aiClaude]]) {
  readings[`${name} fullStream`] = [aiParts(provider), "error part: APICallError 502", "error part: StreamProviderError"];
  readings[`${name} textStream`] = [aiText(provider), "onError: APICallError 502", "onError: StreamProviderError"];
  readings[`${name} whole`] = [aiWhole(provider), "APICallError 502"];
}

/** The lengths of the events, or of the one body, that the upstream sends. */
async function lengths(provider, tools, whole) {
  const anthropic = provider === "claude";
  const body = { model: mockModel(PLAIN), messages, max_tokens: 1000, ...(tools && { tools: [anthropic ? messagesTool : chatTool] }) };
  if (!whole) Object.assign(body, { stream: true }, !anthropic && { stream_options: { include_usage: true } });
  const response = await fetch(env.MOCK_URL + (anthropic ? "/v1/messages" : "/v1/chat/completions"), {
    method: "POST", body: JSON.stringify(body),
    headers: { "content-type": "application/json", "x-api-key": env.MOCK_KEY, "anthropic-version": "2023-06-01" },
  });
  const text = await response.text();
  return whole ? [text.length - 1] : text.split("\n\n").slice(0, -1).map((event) => event.length + 2);
}

/** Where to cut: before each event and inside it; at every byte if that is asked for. */
function* cuts(lengths) {
  for (const [n, length] of lengths.entries()) {
    const inside = env.FAIRLEAD_PROOF ? [...Array(length).keys()] : [0, 1, length >> 1, length - 1];
    for (const at of inside) {
      if (at < length) for (const how of ["cut", "clean"]) yield `${how}=${n}:${at}`;
    }
  }
}

/** What a program is shown when the answer breaks off there. */
async function show(read, model, tools) {
  const seen = [];
  try {
    const finish = await read(model, tools, seen);
    return { said: seen.join(""), finish };
  } catch (err) {
    if (err.code === "ERR_ASSERTION") throw err;
    const of = err.of ?? err;
    const status = of.status ?? of.statusCode;
    return { error: `${err.how ? err.how + ": " : ""}${of.constructor?.name ?? typeof of}${status ? " " + status : ""}`, seen: seen.join("") };
  }
}

async function everyCut([read, ...told], provider, tools, wholeBody) {
  const sound = await show(read, `${provider}/${mockModel(PLAIN)}`, tools);
  assert.ok(sound.said && ["stop", "end_turn", "tool_calls", "tool-calls", "tool_use"].includes(sound.finish), JSON.stringify(sound));
  const shown = new Map();
  const left = cuts(await lengths(provider, tools, wholeBody));
  const worker = async () => {
    for (const flags of left) {
      const got = await show(read, `${provider}/${mockModel(`${PLAIN}+${flags}`)}`, tools);
      assert.ok(told.includes(got.error), `${flags}: ${JSON.stringify(got)}`);
      assert.ok(sound.said.startsWith(got.seen), `${flags}: ${JSON.stringify(got)} is no part of ${sound.said}`);
      shown.set(got.error, (shown.get(got.error) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  assert.equal(shown.size, told.length, [...shown.keys()].join());
  return [...shown].map(([error, n]) => `${n} x ${error}`).join(", ");
}

const cases = {};
for (const [name, reading] of Object.entries(readings)) {
  for (const provider of ["upstream", "claude"]) {
    for (const tools of [false, true]) {
      cases[`${name} from ${provider}${tools ? " with a tool" : ""}`] = () => everyCut(reading, provider, tools, name.endsWith("whole"));
    }
  }
}
await run(cases, env.FAIRLEAD_PROOF ? 600_000 : 30_000);
