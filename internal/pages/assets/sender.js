// Sender sends files, a few at a time, and waits when the service is too busy for more.

import {element, fill} from './dom.js';
import {lineFor, refusalOf, thrown} from './trouble.js';

const mostAtOnce = 2; // files that are sent at the same time

export class Sender {
  #service;
  #stored;
  #signal;
  #waiting = []; // sends
  #sends = new Map(); // by entry, until it is stored or given up
  #running = 0;
  #resume = 0; // when the service will take files again
  #timer = 0;

  // stored(document, entry) hears what was sent; signal ends it all.
  constructor(service, stored, signal) {
    this.#service = service;
    this.#stored = stored;
    this.#signal = signal;
    signal.addEventListener('abort', () => { this.#waiting = []; clearTimeout(this.#timer); });
  }

  add(file, entry) {
    const send = {file, entry, ends: new AbortController()};
    this.#sends.set(entry, send);
    this.#waiting.push(send);
    this.#next();
  }

  // again sends what failed.
  again(entry) {
    const {file} = this.#sends.get(entry);
    entry.waiting('Waiting to be sent');
    this.add(file, entry);
  }

  // cancel gives a file up.
  cancel(entry) {
    const send = this.#sends.get(entry);
    this.#sends.delete(entry);
    this.#waiting = this.#waiting.filter((one) => one !== send);
    send?.ends.abort();
  }

  #next() {
    const wait = this.#resume - Date.now();
    if (wait > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#next(), wait);
      return;
    }
    while (this.#running < mostAtOnce && this.#waiting.length > 0 && !this.#signal.aborted) {
      this.#running++;
      this.#send(this.#waiting.shift()).finally(() => { this.#running--; this.#next(); });
    }
  }

  async #send(send) {
    const {file, entry, ends} = send;
    try {
      if (!await readable(file)) throw thrown(refusalOf('is_folder'));
      entry.sending(0);
      const document = await this.#service.upload(file, (part) => entry.sending(part), ends.signal);
      if (this.#signal.aborted || ends.signal.aborted) return;
      this.#sends.delete(entry);
      this.#stored(document, entry);
    } catch (error) {
      if (error.name === 'AbortError' || this.#signal.aborted) return;
      if (!error.refusal) throw error;
      this.#refused(send, error.refusal);
    }
  }

  // refused waits where the service says when to come back.
  #refused(send, refusal) {
    if ((refusal.status === 429 || refusal.status === 503) && refusal.retryAfter > 0 && refusal.code !== 'storage_full') {
      this.#resume = Math.max(this.#resume, Date.now() + 1000 * refusal.retryAfter);
      this.#waiting.unshift(send);
      send.entry.resumes(refusal);
    } else {
      // The body of this request is the file.
      const why = refusal.code === 'body_too_large' ? {...refusal, code: 'file_too_large'} : refusal;
      send.entry.failed(why);
      fill(element('announcer'), `${send.entry.name}: ${lineFor(why)}`);
    }
  }
}

// readable reports whether there is something to send: a folder can be dropped, too, and
// a file can have been deleted.
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
