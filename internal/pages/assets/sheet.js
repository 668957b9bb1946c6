// Sheet shows a page of a document, with a passage on it marked.

import {element, fill, make} from './dom.js';
import {refusalOf, showTrouble, thrown} from './trouble.js';

const around = 40_000; // bytes that are shown before and behind a passage which is far down a long page

// parts cuts bytes, of which the first is byte start of the whole, into what is before,
// within and behind bytes [from, to) of the whole. A character that is cut at an end is
// left out.
function parts(bytes, start, from, to) {
  const decoder = new TextDecoder();
  const at = (offset) => Math.max(0, Math.min(bytes.length, offset - start));
  const [before, within, behind] = [[0, at(from)], [at(from), at(to)], [at(to), bytes.length]].map(([a, b]) => decoder.decode(bytes.subarray(a, b)));
  const marked = within.trimEnd(); // a blank line is nothing to mark
  return [before.replace(/^\uFFFD+/, ''), marked, within.slice(marked.length) + behind.replace(/\uFFFD+$/, '')];
}

export class Sheet {
  #service;
  #dialog = element('page');
  #text = element('page-text');
  #shown = null; // {id, name, page, from, to}
  #signal;

  constructor(service, signal) {
    this.#service = service;
    this.#signal = signal;
    element('page-close').addEventListener('click', () => this.close(), {signal});
    element('page-before').addEventListener('click', () => this.#turn(-1), {signal});
    element('page-after').addEventListener('click', () => this.#turn(1), {signal});
    this.#dialog.addEventListener('click', (event) => { if (event.target === this.#dialog) this.close(); }, {signal});
    // By the time that this is heard, it may be open again.
    this.#dialog.addEventListener('close', () => { if (!this.#dialog.open) this.#empty(); }, {signal});
  }

  close() {
    this.#shown = null;
    if (this.#dialog.open) this.#dialog.close();
    this.#empty();
  }

  #empty() {
    this.#shown = null;
    this.#text.replaceChildren();
  }

  // open shows a page; from and to are the bytes of the document's text that are marked,
  // if there are any.
  async open({id, name, page, from = 0, to = 0}) {
    const shown = this.#shown = {id, name, page, from, to};
    try {
      const answer = await this.#read(shown);
      if (this.#shown === shown && !this.#signal.aborted) this.#show(shown, answer);
    } catch (error) {
      if (error.name === 'AbortError' || this.#signal.aborted) return;
      if (!error.refusal) throw error;
      this.close();
      showTrouble(error.refusal);
    }
  }

  // read gets the page, or of one that is too long to be told whole the part that the
  // passage is in.
  async #read({id, page, from, to}) {
    const answer = await this.#service.get(`documents/${id}/pages/${page}`);
    if (!Number.isInteger(answer.pages)) throw thrown(refusalOf(''));
    const found = {pages: answer.pages, start: answer.start, bytes: null, note: ''};
    if (!answer.cut_short || to <= from || to <= answer.end) {
      found.bytes = new TextEncoder().encode(answer.text);
      if (answer.cut_short) found.note = 'This page is very long. Its beginning is shown.';
      return found;
    }
    found.start = Math.max(answer.start, from - around);
    found.bytes = await this.#service.bytes(`documents/${id}/content?start=${found.start}&end=${to + around}`);
    found.note = 'This page is very long. What is around the passage is shown.';
    return found;
  }

  #show({name, page, from, to}, {pages, start, bytes, note}) {
    const [before, within, behind] = parts(bytes, start, from, to);
    const mark = make('mark', '', within);
    element('page-name').textContent = name;
    fill(element('page-number'), `Page ${page.toLocaleString('en')} of ${pages.toLocaleString('en')}`);
    fill(element('page-note'), before + within + behind === '' ? 'This page is empty.' : note);
    element('page-note').hidden = element('page-note').textContent === '';
    this.#text.replaceChildren(before, ...(within === '' ? [] : [mark]), behind);
    const focused = document.activeElement;
    element('page-before').disabled = page <= 1;
    element('page-after').disabled = page >= pages;
    if (!this.#dialog.open) this.#dialog.showModal();
    else if (focused?.disabled) this.#text.focus(); // at the last page
    if (within === '') this.#text.scrollTop = 0;
    else mark.scrollIntoView({block: within.length > 1_200 ? 'start' : 'center'});
  }

  #turn(by) {
    if (this.#shown !== null) this.open({...this.#shown, page: this.#shown.page + by});
  }
}
