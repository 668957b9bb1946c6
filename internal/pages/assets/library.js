// Library is what the documents page does once there is a key: the Shelf shows the
// files, the Reader what is found in them.
//
// What the service says goes on the screen as text, never as HTML.

import {address, authorised} from './connection.js';
import {element, fill} from './dom.js';
import {Reader} from './reader.js';
import {Shelf} from './shelf.js';
import {refusalOf, thrown} from './trouble.js';
import {refusalOfAnswer} from './words.js';

const askTime = 130_000; // ms for one question: the service ends a search after 120 s

// call asks the service; what it throws has the refusal, or is an AbortError.
async function call(key, path, options = {}) {
  let answer;
  try {
    answer = await fetch(address(path), authorisedJSON(key, {signal: AbortSignal.timeout(askTime), ...options}));
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw thrown(refusalOf(error.name === 'TimeoutError' ? 'took_too_long' : 'no_network'));
  }
  if (!answer.ok) throw thrown(await refusalOfAnswer(answer));
  return answer;
}

function authorisedJSON(key, options) {
  const all = authorised(key, options);
  if (options.body) all.headers['Content-Type'] = 'application/json';
  return all;
}

// whole reads an answer to its end, which may not come.
async function whole(read) {
  try {
    return await read();
  } catch (error) {
    if (error.refusal || error.name === 'AbortError') throw error;
    throw thrown(refusalOf('no_network'));
  }
}

// ask gets JSON from the service.
export async function ask(key, path, options) {
  const answer = await call(key, path, options);
  return whole(() => answer.json());
}

// Service is the service as the app of one key sees it. What its methods throw has the
// refusal, or is an AbortError; that of a key which is not known goes to leave, too.
class Service {
  #key;
  #leave;
  #ends;

  // signal ends all that is under way.
  constructor(key, leave, signal) {
    this.#key = key;
    this.#leave = leave;
    this.#ends = signal;
  }

  get(path) { return this.#try(ask(this.#key, path, {signal: this.#within()})); }

  // bytes gets an answer as it is.
  bytes(path) {
    return this.#try((async () => {
      const answer = await call(this.#key, path, {signal: this.#within()});
      return new Uint8Array(await whole(() => answer.arrayBuffer()));
    })());
  }

  delete(path) { return this.#try(ask(this.#key, path, {method: 'DELETE', signal: this.#within()})); }

  post(path, body, signal) { return this.#try(ask(this.#key, path, {...posted(body), signal: this.#within(signal)})); }

  // stream posts, and returns the answer for its body to be read as it comes, without a
  // limit of time.
  stream(path, body, signal) { return this.#try(call(this.#key, path, {...posted(body), signal: AbortSignal.any([this.#ends, signal])})); }

  // upload sends a file; told(part) hears how much of it has gone.
  upload(file, told, signal) {
    return this.#try(new Promise((resolve, reject) => {
      const form = new FormData(), request = new XMLHttpRequest();
      const stop = () => request.abort();
      form.append('file', file, file.name);
      request.open('POST', address('documents/upload'));
      request.setRequestHeader('Authorization', `Bearer ${this.#key}`);
      request.upload.addEventListener('progress', (event) => told(event.lengthComputable ? event.loaded / event.total : 0));
      request.addEventListener('error', () => reject(thrown(refusalOf('no_network'))));
      request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')));
      request.addEventListener('load', () => resolve(answerOf(request)));
      for (const ends of [signal, this.#ends]) {
        if (ends.aborted) stop();
        ends.addEventListener('abort', stop);
      }
      request.send(form);
    }).then(async (answer) => {
      if (!answer.ok) throw thrown(await refusalOfAnswer(answer));
      return whole(() => answer.json());
    }));
  }

  #within(signal) { return AbortSignal.any([this.#ends, AbortSignal.timeout(askTime), ...(signal ? [signal] : [])]); }

  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      if (error.refusal?.status === 401 && !this.#ends.aborted) this.#leave(error.refusal);
      throw error;
    }
  }
}

function answerOf(request) {
  const wait = request.getResponseHeader('Retry-After');
  return new Response(request.responseText, {status: request.status, headers: wait === null ? {} : {'Retry-After': wait}});
}

function posted(body) { return {method: 'POST', body: JSON.stringify(body)}; }

export class Library {
  #ends = new AbortController(); // of what the page listens for, and of what it asks
  #shelf;
  #reader;

  // leave(refusal) is called when the key is not known, with null when it is to be
  // forgotten.
  constructor(key, leave) {
    const {signal} = this.#ends;
    const service = new Service(key, leave, signal);
    this.#reader = new Reader(service, signal);
    this.#shelf = new Shelf(service, {
      chosen: (documents) => this.#reader.within(documents),
      read: (document) => this.#reader.open(document),
      gone: (id) => this.#reader.gone(id),
      reached: (words) => showReached(words),
      signal,
    });
    element('forget').addEventListener('click', () => leave(null), {signal});
    showReached('');
    this.#shelf.open();
  }

  // end stops what is under way and clears the page.
  end() {
    this.#ends.abort();
    this.#shelf.clear();
    this.#reader.clear();
  }

  forget() { this.end(); }
}

// showReached says in the top what keeps the page from the service, '' if nothing does.
function showReached(words) {
  element('status').dataset.phase = words === '' ? 'open' : 'waiting';
  fill(element('status-words'), words === '' ? 'Key accepted' : words);
}
