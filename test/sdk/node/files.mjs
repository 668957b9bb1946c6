// openai's files and vector stores for JavaScript against Fairlead. MODULE names the
// installed major.
import { assert, await_, collect, env, failure, run } from "./check.mjs";

const { default: OpenAI, toFile } = await import(env.MODULE);

const client = new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.APP_KEY, maxRetries: 0 });
const stranger = new OpenAI({ baseURL: env.FAIRLEAD_URL + "/v1", apiKey: env.LIMITED_KEY, maxRetries: 0 });
const polling = { pollIntervalMs: 50 };

/** A text that no other case has: the same bytes are the same file. */
const unique = (text) => `${text} ${env.SDK}${Math.random().toString(36).slice(2)}\n`;
const named = (text, name) => toFile(Buffer.from(text), name);
const upload = async (text, name = "report.txt") => client.files.create({ file: await named(text, name), purpose: "assistants" });

/** A vector store with a file of that text in it, which is ready. */
async function stored(text, attributes) {
  const store = await client.vectorStores.create({ name: "papers" });
  const file = await upload(text);
  const added = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id, attributes }, polling);
  assert.equal(added.status, "completed", JSON.stringify(added));
  return { store, file };
}

/** The same error, whichever id it is about. */
const alike = (err) => [err.status, err.code, err.param, err.type, err.message];

const cases = {
  async "uploads a file, retrieves and lists it"() {
    const text = unique("The risks are these.");
    const file = await upload(text, "Bericht für 2024.txt");
    assert.match(file.id, /^file-[A-Za-z0-9]{24}$/);
    assert.equal(file.object, "file");
    assert.equal(file.filename, "Bericht für 2024.txt");
    assert.equal(file.bytes, Buffer.byteLength(text));
    assert.equal(file.purpose, "assistants");
    assert.ok(Math.abs(file.created_at - Date.now() / 1000) < 60, String(file.created_at));
    assert.equal((await client.files.retrieve(file.id)).id, file.id);
    const listed = await collect(await client.files.list({ limit: 2, order: "desc" }));
    assert.ok(listed.some((f) => f.id === file.id));
    assert.equal(new Set(listed.map((f) => f.id)).size, listed.length);
    assert.ok((await collect(await client.files.list({ purpose: "batch" }))).every((f) => f.purpose === "batch"));
  },
  async "the same bytes are the same file"() {
    const text = unique("Once.");
    assert.equal((await upload(text)).id, (await upload(text)).id);
  },
  async "waits for a file"() {
    const file = await upload(unique("Wait."));
    const ended = await client.files.waitForProcessing(file.id, { pollInterval: 50 });
    assert.equal(ended.status, "processed");
  },
  async "gives back the bytes of a file"() {
    const text = unique("äöü\u0000\r\n");
    const file = await upload(text);
    const content = await client.files.content(file.id);
    assert.equal(await content.text(), text);
    assert.match(content.headers.get("content-disposition"), /^attachment/);
  },
  async "deletes a file"() {
    const file = await upload(unique("Gone."));
    assert.deepEqual(JSON.parse(JSON.stringify(await client.files.delete(file.id))), { id: file.id, object: "file", deleted: true });
    const err = await failure(client.files.retrieve(file.id));
    assert.ok(err instanceof OpenAI.NotFoundError, String(err));
  },
  async "refuses what it does not do"() {
    const file = await named("x", "x.txt");
    const expiring = await failure(client.files.create({ file, purpose: "assistants", expires_after: { anchor: "created_at", seconds: 3600 } }));
    assert.ok(expiring instanceof OpenAI.BadRequestError, String(expiring));
    assert.equal(expiring.param, "expires_after");
    const odd = await failure(client.files.create({ file, purpose: "fun" }));
    assert.equal(odd.param, "purpose");
  },
  async "makes, changes, lists and deletes vector stores"() {
    const store = await client.vectorStores.create({
      name: "papers", metadata: { of: "me" }, expires_after: { anchor: "last_active_at", days: 3 },
    });
    assert.match(store.id, /^vs_/);
    assert.equal(store.object, "vector_store");
    assert.equal(store.status, "completed");
    assert.deepEqual(store.file_counts, { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 });
    assert.equal(store.expires_at, store.last_active_at + 3 * 24 * 3600);
    const changed = await client.vectorStores.update(store.id, { name: "others", expires_after: null });
    assert.equal(changed.name, "others");
    assert.deepEqual(changed.metadata, { of: "me" });
    assert.equal(changed.expires_at, null);
    assert.equal((await client.vectorStores.retrieve(store.id)).name, "others");
    await client.vectorStores.create({});
    assert.ok((await collect(await client.vectorStores.list({ limit: 1 }))).some((s) => s.id === store.id));
    assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
    assert.ok((await failure(client.vectorStores.retrieve(store.id))) instanceof OpenAI.NotFoundError);
  },
  async "adds a file and polls"() {
    const { store, file } = await stored(unique("One line."), { year: 2024, final: true, by: "me" });
    const added = await client.vectorStores.files.retrieve(file.id, { vector_store_id: store.id });
    assert.deepEqual(added.attributes, { year: 2024, final: true, by: "me" });
    assert.equal(added.last_error, null);
    assert.equal(added.vector_store_id, store.id);
    const changed = await client.vectorStores.files.update(file.id, { vector_store_id: store.id, attributes: { year: 2025 } });
    assert.deepEqual(changed.attributes, { year: 2025 });
    const listed = await collect(await client.vectorStores.files.list(store.id, { filter: "completed" }));
    assert.deepEqual(listed.map((f) => f.id), [file.id]);
    const now = await client.vectorStores.retrieve(store.id);
    assert.equal(now.file_counts.completed, 1);
    assert.equal(now.usage_bytes, file.bytes);
  },
  async "uploads into a store and polls"() {
    const store = await client.vectorStores.create({ name: "papers" });
    const text = unique("Straight in.");
    const added = await client.vectorStores.files.uploadAndPoll(store.id, await named(text, "in.txt"), polling);
    assert.equal(added.status, "completed");
    const pieces = await collect(await client.vectorStores.files.content(added.id, { vector_store_id: store.id }));
    assert.ok(pieces.map((p) => p.text).join("").includes(text.trim()));
  },
  async "takes a file out of a store, and leaves it"() {
    const { store, file } = await stored(unique("Stays."));
    assert.equal((await client.vectorStores.files.delete(file.id, { vector_store_id: store.id })).deleted, true);
    assert.ok((await failure(client.vectorStores.files.retrieve(file.id, { vector_store_id: store.id }))) instanceof OpenAI.NotFoundError);
    assert.equal((await client.files.retrieve(file.id)).id, file.id);
  },
  async "uploads a batch and polls"() {
    const store = await client.vectorStores.create({ name: "papers" });
    const before = await upload(unique("Before."));
    const files = await Promise.all([1, 2, 3].map((n) => named(unique(`Number ${n}.`), `${n}.txt`)));
    const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files, fileIds: [before.id] }, { ...polling, maxConcurrency: 2 });
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.file_counts, { in_progress: 0, completed: 4, failed: 0, cancelled: 0, total: 4 });
    const listed = await collect(await client.vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store.id, limit: 3 }));
    assert.equal(listed.length, 4);
  },
  async "a batch with attributes of each file, cancelled"() {
    const store = await client.vectorStores.create({ name: "papers" });
    const one = await upload(unique("One.")), two = await upload(unique("Two."));
    const batch = await client.vectorStores.fileBatches.create(store.id, {
      files: [{ file_id: one.id, attributes: { n: 1 } }, { file_id: two.id, attributes: { n: 2 } }],
    });
    assert.match(batch.id, /^vsfb_/);
    const now = await client.vectorStores.fileBatches.cancel(batch.id, { vector_store_id: store.id });
    assert.ok(["cancelled", "completed"].includes(now.status), now.status);
    assert.equal(now.file_counts.total, 2);
    for (const file of [one, two]) await client.files.delete(file.id); // a batch stays what it was
    const later = await client.vectorStores.fileBatches.retrieve(batch.id, { vector_store_id: store.id });
    assert.deepEqual([later.status, later.file_counts], [now.status, now.file_counts]);
  },
  async "searches a store"() {
    const word = "zebra" + Math.random().toString(36).slice(2);
    const { store, file } = await stored(`Something else.\n\nThe ${word} is striped.\n`, { year: 2024 });
    await await_(5000, "the document to be found", async () => {
      const page = await client.vectorStores.search(store.id, { query: word, max_num_results: 3, rewrite_query: false });
      return page.data.length > 0;
    });
    const page = await client.vectorStores.search(store.id, { query: [word, "striped"], ranking_options: { ranker: "auto", score_threshold: 0 } });
    assert.equal(page.object, "vector_store.search_results.page");
    const [found] = page.data;
    assert.equal(found.file_id, file.id);
    assert.equal(found.filename, "report.txt");
    assert.deepEqual(found.attributes, { year: 2024 });
    assert.ok(found.content[0].text.includes(word));
    assert.ok(found.score >= 0 && found.score <= 1, String(found.score));
  },
  async "refuses filters that are none"() {
    const store = await client.vectorStores.create({});
    const err = await failure(client.vectorStores.search(store.id, { query: "q", filters: { type: "like", key: "a", value: "b" } }));
    assert.equal(err.status, 400);
    assert.match(err.param, /^filters/);
  },
  async "another app's file and store are unknown ones"() {
    const { store, file } = await stored(unique("Secret."));
    const none = { file: "file-" + "0".repeat(24), store: "vs_" + "0".repeat(24) };
    for (const ask of [
      (ids) => stranger.files.retrieve(ids.file),
      (ids) => stranger.files.delete(ids.file),
      (ids) => stranger.files.content(ids.file),
      (ids) => stranger.vectorStores.retrieve(ids.store),
      (ids) => stranger.vectorStores.files.list(ids.store),
    ]) {
      const foreign = await failure(ask({ file: file.id, store: store.id }));
      assert.equal(foreign.status, 404);
      assert.deepEqual(alike(foreign), alike(await failure(ask(none))));
    }
    assert.equal((await client.files.retrieve(file.id)).id, file.id);
  },
};

await run(cases);
