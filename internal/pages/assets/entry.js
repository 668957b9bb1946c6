// Entry is one file on the shelf: on its way to the service, or there.

import {fill, make, makeButton} from './dom.js';
import {lineFor} from './trouble.js';
import {duration} from './words.js';

const states = new Map([
  ['queued', 'Waiting to be read'],
  ['extracting', 'Being read'],
  ['indexing', 'Being made searchable'],
  ['no_text', 'No text in it'],
  ['limit_hit', 'Over a limit'],
  ['unsupported', 'Not of a kind that is read'],
  ['encrypted', 'Locked with a password'],
  ['failed', 'Could not be read'],
]);

const unfinished = new Set(['queued', 'extracting', 'indexing']);

let made = 0; // entries, for ids

// size says a number of bytes.
function size(bytes) {
  const units = ['B', 'KB', 'MB', 'GB'];
  let n = bytes, at = 0;
  for (; n >= 1000 && at < units.length - 1; at++) n /= 1000;
  return `${n >= 100 || at === 0 ? Math.round(n) : n.toFixed(1)}\u00a0${units[at]}`;
}

function pagesOf(n) { return n === 1 ? '1 page' : `${(n ?? 0).toLocaleString('en')} pages`; }

export class Entry {
  #name = make('span', 'file-title');
  #state = make('p', 'file-state');
  #bar = make('progress', 'file-bar');
  #read;
  #again;
  #remove;
  #bytes = 0;
  #twice = false;
  box = make('input', 'file-box');
  node;
  document = null; // null while the file is on its way

  // on has choose(), read(entry), again(entry) and remove(entry).
  constructor(name, bytes, on) {
    this.#bytes = bytes;
    this.box.type = 'checkbox';
    this.box.disabled = true;
    this.box.addEventListener('change', on.choose);
    this.#state.id = `file-state-${++made}`;
    this.box.setAttribute('aria-describedby', this.#state.id);
    this.#name.dir = 'auto';
    this.#bar.max = 1;
    this.#read = makeButton('plain small', () => on.read(this), 'Read');
    this.#again = makeButton('plain small', () => on.again(this), 'Try again');
    this.#remove = makeButton('plain small', () => on.remove(this), 'Cancel');
    this.node = make('li', 'file', make('label', 'file-name', this.box, this.#name), this.#state,
      make('div', 'file-tools', this.#read, this.#again, this.#remove), this.#bar);
    this.#call(name);
    this.waiting('Waiting to be sent');
  }

  get name() { return this.#name.textContent; }

  get isLive() { return this.document !== null && unfinished.has(this.document.status); }

  // focus goes to what can be done with the file.
  focus() { this.#remove.focus(); }

  // waiting says what the file waits for before it is sent.
  waiting(words) {
    this.node.dataset.state = 'waiting';
    this.#say(`${words} · ${size(this.#bytes)}`);
    this.#offer({remove: 'Cancel'});
    this.#bar.hidden = true;
  }

  // resumes says when the file will be sent, after a refusal.
  resumes(refusal) {
    this.waiting(`${lineFor({...refusal, retryAfter: 0})} Goes on in ${duration(refusal.retryAfter)}`);
  }

  sending(part) {
    this.node.dataset.state = 'sending';
    this.#say(part >= 1 ? 'Being stored' : `Being sent · ${size(part * this.#bytes)} of ${size(this.#bytes)}`);
    this.#offer({remove: 'Cancel'});
    this.#progress(part);
  }

  failed(refusal) {
    this.node.dataset.state = 'refused';
    this.#say(lineFor(refusal));
    this.#offer({again: true, remove: 'Dismiss'});
    this.#bar.hidden = true;
  }

  // show shows the document as the service has it now.
  show(document) {
    this.document = document;
    this.node.dataset.state = document.status;
    this.#call(document.name);
    this.box.disabled = document.status !== 'ready';
    this.#offer({read: document.status === 'ready', remove: 'Delete'});
    if (this.isLive) this.#progress(document.status === 'extracting' && document.pages > 0 ? document.pages_done / document.pages : null);
    else this.#bar.hidden = true;
    this.#say(this.#words());
  }

  // again says that the same file was sent once more.
  again() {
    this.#twice = true;
    this.#say(this.#words());
    this.node.scrollIntoView({block: 'nearest'});
  }

  // ending is what became of the document, for those who hear the page.
  ending() {
    const {name, status, reason} = this.document;
    if (status === 'ready') return `${name}: ready, ${pagesOf(this.document.pages)}`;
    return `${name}: ${states.get(status) ?? status}. ${reason ?? ''}`;
  }

  #words() {
    const d = this.document, parts = this.#twice ? ['Was here already'] : [];
    if (d.status === 'ready') parts.push(pagesOf(d.pages));
    else if (d.status === 'extracting' && d.pages > 0) parts.push(`Reading page ${Math.min(d.pages_done + 1, d.pages).toLocaleString('en')} of ${d.pages.toLocaleString('en')}`);
    else parts.push(states.get(d.status) ?? d.status);
    if (d.status === 'ready' && d.about?.period) parts.push(d.about.period);
    if (d.status === 'ready' && d.embedding_pending) parts.push('found by its words so far');
    if (d.reason) return `${parts.join(' · ')}. ${d.reason}${/[.!?]$/.test(d.reason) ? '' : '.'}`;
    return [...parts, size(d.bytes)].join(' · ');
  }

  #call(name) {
    fill(this.#name, name);
    this.#name.title = name;
    this.#bar.setAttribute('aria-label', `Progress of ${name}`);
    this.#read.setAttribute('aria-label', `Read ${name}`);
    this.#again.setAttribute('aria-label', `Try again with ${name}`);
  }

  #say(words) { fill(this.#state, words); }

  #offer({read = false, again = false, remove}) {
    this.#read.hidden = !read;
    this.#again.hidden = !again;
    fill(this.#remove, remove);
    this.#remove.setAttribute('aria-label', `${remove} ${this.name}`);
  }

  // progress is a part from 0 to 1, or null where it isn't known.
  #progress(part) {
    this.#bar.hidden = false;
    if (part === null) this.#bar.removeAttribute('value');
    else this.#bar.value = part;
  }
}
