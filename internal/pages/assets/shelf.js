// Shelf shows the app's files: those that are there, those that are being sent, and how
// far each has come.

import {element, fill} from './dom.js';
import {Entry} from './entry.js';
import {Sender} from './sender.js';
import {showTrouble, wordsFor} from './trouble.js';

const pageSize = 50;
const firstLook = 250, lookEvery = 1_500, lookAtLeast = 30_000; // ms between two looks at files that are being read
const mostLooked = 100; // documents in one look: the newest
const mostApart = 5; // older ones that are looked at one by one

export class Shelf {
  #service;
  #tell;
  #sender;
  #list = element('files');
  #entries = new Map(); // by document id
  #listed = []; // ids in the order of the list
  #timer = 0;
  #wait = firstLook;
  #turn = 0; // of older documents
  #asked = null; // hears whether a document is to be deleted
  #ended = false;

  // tell.chosen(documents) hears which are chosen, tell.read(document) which is to be
  // read, tell.gone(id) which was deleted, tell.reached(words) what keeps the page from
  // the service.
  constructor(service, tell) {
    this.#service = service;
    this.#tell = tell;
    this.#sender = new Sender(service, (document, entry) => this.#stored(document, entry), tell.signal);
    const drop = element('drop'), file = element('file'), {signal} = tell;
    const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
    file.addEventListener('change', () => { this.#take(file.files); file.value = ''; }, {signal});
    for (const name of ['dragenter', 'dragover']) {
      document.addEventListener(name, (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        drop.classList.add('over');
      }, {signal});
    }
    document.addEventListener('dragleave', (event) => { if (event.relatedTarget === null) drop.classList.remove('over'); }, {signal});
    document.addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      drop.classList.remove('over');
      this.#take(event.dataTransfer.files);
    }, {signal});
    element('more').addEventListener('click', () => this.#more(), {signal});
    element('sure-no').addEventListener('click', () => this.#answer(false), {signal});
    element('sure-yes').addEventListener('click', () => this.#answer(true), {signal});
    // By the time that this is heard, it may be open again.
    element('sure').addEventListener('close', () => { if (!element('sure').open) this.#answer(false); }, {signal});
    element('unchoose').addEventListener('click', () => this.#unchoose(), {signal});
  }

  // open shows the newest files.
  open() { return this.#more(); }

  clear() {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#entries.clear();
    this.#list.replaceChildren();
    element('more').hidden = true;
    element('no-files').hidden = true;
    this.#answer(false);
  }

  async #more() {
    const page = await this.#try(() => this.#page());
    if (page === null || this.#ended) return;
    for (const document of page.documents) {
      this.#entry(document, (node) => this.#list.append(node));
      this.#listed.push(document.document_id);
    }
    element('more').hidden = !page.has_more;
    this.#changed();
  }

  // page is the next page of the list. What it should begin after may have been deleted
  // elsewhere: then it begins after the one before.
  async #page() {
    for (;;) {
      const after = this.#listed.at(-1);
      try {
        return await this.#service.get(`documents?limit=${pageSize}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`);
      } catch (error) {
        const {status} = error.refusal ?? {};
        if (after === undefined || (status !== 400 && status !== 404)) throw error;
        this.#listed.pop();
      }
    }
  }

  // entry brings the entry of a document up to date, or makes one.
  #entry(document, place) {
    let entry = this.#entries.get(document.document_id);
    if (!entry) {
      entry = this.#make(document.name, document.bytes);
      place(entry.node);
      this.#entries.set(document.document_id, entry);
    }
    entry.show(document);
  }

  #make(name, bytes) {
    return new Entry(name, bytes, {
      choose: () => this.#choose(),
      read: (entry) => this.#tell.read(entry.document),
      again: (entry) => { entry.focus(); this.#sender.again(entry); },
      remove: (entry) => this.#remove(entry),
    });
  }

  #take(files) {
    const entries = [...files].map((file) => ({file, entry: this.#make(file.name, file.size)}));
    this.#list.prepend(...entries.map(({entry}) => entry.node));
    for (const {file, entry} of entries) this.#sender.add(file, entry);
    this.#changed();
  }

  // stored takes a document that has been sent, which may have been here already.
  #stored(document, entry) {
    this.#wait = firstLook;
    const known = this.#entries.get(document.document_id);
    if (known && known !== entry) {
      const focused = entry.node.contains(globalThis.document.activeElement);
      entry.node.remove();
      known.show({...known.document, ...document});
      known.again();
      if (focused) known.focus();
      fill(element('announcer'), `${known.name} was here already`);
    } else {
      this.#entries.set(document.document_id, entry);
      entry.show(document);
      if (!entry.isLive) fill(element('announcer'), entry.ending());
    }
    this.#changed();
  }

  async #remove(entry) {
    const id = entry.document?.document_id;
    if (id && !await this.#sure(entry.name)) return;
    if (id && !await this.#try(() => this.#delete(id))) return;
    if (this.#ended) return;
    if (!id) this.#sender.cancel(entry);
    this.#drop(entry);
    if (id) fill(element('announcer'), `${entry.name} is deleted`);
  }

  // delete deletes what may be gone already.
  async #delete(id) {
    try {
      return await this.#service.delete(`documents/${id}`);
    } catch (error) {
      if (error.refusal?.status !== 404) throw error;
      return true;
    }
  }

  // drop takes an entry off the shelf, and has the focus stay near.
  #drop(entry) {
    const focused = entry.node.contains(document.activeElement) || document.activeElement === document.body;
    const near = entry.node.nextElementSibling ?? entry.node.previousElementSibling;
    const id = entry.document?.document_id;
    entry.node.remove();
    if (id) {
      this.#entries.delete(id);
      this.#listed = this.#listed.filter((one) => one !== id);
      this.#tell.gone(id);
    }
    if (focused) (near?.querySelector('.file-tools button:last-child') ?? element('file')).focus();
    this.#choose();
    this.#changed();
  }

  // sure asks whether a document is to be deleted.
  #sure(name) {
    this.#answer(false);
    fill(element('sure-name'), name);
    element('sure').showModal();
    return new Promise((resolve) => { this.#asked = resolve; });
  }

  #answer(sure) {
    element('sure').close();
    fill(element('sure-name'), '');
    this.#asked?.(sure);
    this.#asked = null;
  }

  // changed looks again, after a while, at files that are being read.
  #changed() {
    if (this.#ended) return;
    element('no-files').hidden = this.#list.childElementCount > 0;
    clearTimeout(this.#timer);
    if (this.#live().length > 0) this.#timer = setTimeout(() => this.#look(), this.#wait);
  }

  #live() { return [...this.#entries.values()].filter((entry) => entry.isLive); }

  async #look() {
    try {
      await this.#lookOnce();
      this.#wait = Math.min(lookEvery, this.#wait * 1.5);
      this.#tell.reached('');
    } catch (error) {
      if (!error.refusal && error.name !== 'AbortError') throw error;
      if (this.#ended) return;
      this.#wait = Math.min(lookAtLeast, Math.max(2 * this.#wait, 1000 * (error.refusal?.retryAfter ?? 0)));
      if (error.refusal) this.#tell.reached(wordsFor(error.refusal).title);
    }
    this.#changed();
  }

  async #lookOnce() {
    const page = await this.#service.get(`documents?limit=${mostLooked}`);
    const told = new Map(page.documents.map((document) => [document.document_id, document]));
    const apart = [];
    for (const entry of this.#live()) {
      const document = told.get(entry.document.document_id);
      if (document) this.#update(entry, document);
      else apart.push(entry);
    }
    const from = apart.length > mostApart ? this.#turn++ * mostApart % apart.length : 0;
    for (const entry of apart.slice(from, from + mostApart)) {
      try {
        this.#update(entry, await this.#service.get(`documents/${entry.document.document_id}`));
      } catch (error) {
        if (error.refusal?.status !== 404) throw error;
        this.#drop(entry);
      }
    }
  }

  #update(entry, document) {
    if (this.#ended) return;
    if (entry.document.status !== document.status) this.#wait = firstLook; // what comes next may, too
    entry.show(document);
    if (!entry.isLive) fill(element('announcer'), entry.ending());
  }

  #choose() {
    const chosen = [...this.#entries.values()].filter((entry) => entry.box.checked && !entry.box.disabled);
    this.#tell.chosen(chosen.map((entry) => entry.document));
  }

  #unchoose() {
    for (const entry of this.#entries.values()) entry.box.checked = false;
    this.#choose();
    element('query').focus();
  }

  async #try(what) {
    try {
      return await what();
    } catch (error) {
      if (!error.refusal && error.name !== 'AbortError') throw error;
      if (error.refusal && !this.#ended) showTrouble(error.refusal);
      return null;
    }
  }
}
