// What the scripts about the AI SDK share.
import { jsonSchema, streamText, tool } from "ai";

import { citySchema, collect } from "./check.mjs";

/** The parts of a stream; errors are among them, as the SDK gives them. */
export const parts = (model, options = {}) =>
  collect(streamText({ model, prompt: "Hello", maxOutputTokens: 1000, maxRetries: 0, onError() {}, ...options }).fullStream);

/** A tool that notes the cities that it is asked for. */
export const weather = (cities) =>
  tool({
    description: "Tells the weather",
    inputSchema: jsonSchema(citySchema),
    execute: async ({ city }) => { cities.push(city); return "sunny"; },
  });
