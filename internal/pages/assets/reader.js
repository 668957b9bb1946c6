// Reader searches the documents, has them analysed, and shows what was found.

import {element, fill, make, makeButton} from './dom.js';
import {findings, reportNodes} from './report.js';
import {Sheet} from './sheet.js';
import {refusalOf, showTrouble, thrown} from './trouble.js';

const mostStudied = 20; // documents that insights are made of
const mostFound = 20; // passages

export class Reader {
  #service;
  #signal;
  #sheet;
  #documents = []; // that are chosen
  #names = new Map(); // of documents that were seen, by id
  #results = element('results');
  #search = null; // ends the search that is under way
  #study = null; // ends the analysis that is

  constructor(service, signal) {
    this.#service = service;
    this.#signal = signal;
    this.#sheet = new Sheet(service, signal);
    element('search').addEventListener('submit', (event) => { event.preventDefault(); this.#find(); }, {signal});
    element('study').addEventListener('submit', (event) => { event.preventDefault(); this.#analyse(); }, {signal});
    element('kind').addEventListener('change', () => this.within(this.#documents), {signal});
    element('stop').addEventListener('click', () => this.#study?.abort(), {signal});
    this.clear();
  }

  // within sets the documents that are searched; none is all of them.
  within(documents) {
    this.#documents = documents;
    for (const d of documents) this.#names.set(d.document_id, d.name);
    const kind = element('kind').value, n = documents.length;
    const enough = kind === 'insights' ? n >= 1 && n <= mostStudied : n === 1;
    element('question').hidden = kind !== 'custom';
    element('unchoose').hidden = n === 0;
    element('run').disabled = !enough;
    element('scope').replaceChildren(...scopeWords(documents, kind));
  }

  // open shows a document from its first page.
  open(document) { return this.#sheet.open({id: document.document_id, name: document.name, page: 1}); }

  // gone takes what was found in a document that is deleted.
  gone(id) {
    for (const node of this.#results.querySelectorAll('[data-document]')) {
      if (node.dataset.document === id) node.remove();
    }
  }

  clear() {
    this.#sheet.close();
    this.#names.clear();
    showTrouble(null);
    this.#results.replaceChildren();
    fill(element('found'), '');
    element('query').value = '';
    element('question').value = '';
    element('blank').hidden = false;
    fill(element('announcer'), '');
    this.#busy('');
    this.within([]);
  }

  #show(title, nodes) {
    fill(element('found'), title);
    this.#results.replaceChildren(...nodes);
    element('blank').hidden = true;
  }

  async #find() {
    const query = element('query').value.trim();
    if (query === '' || this.#study !== null) return;
    this.#search?.abort();
    const search = this.#search = new AbortController();
    showTrouble(null);
    fill(element('progress'), 'Searching');
    const body = {query, limit: mostFound};
    if (this.#documents.length > 0) body.document_ids = this.#documents.map((d) => d.document_id);
    try {
      const {results} = await this.#service.post('documents/search', body, search.signal);
      if (this.#signal.aborted || this.#search !== search) return;
      const count = results.length === 1 ? '1 passage' : `${results.length} passages`;
      this.#show(`${count} for “${query}”`, results.map((r) => this.#hit(r)));
      fill(element('announcer'), `${count} for ${query}`);
    } catch (error) {
      if (error.name === 'AbortError' || this.#signal.aborted) return;
      if (!error.refusal) throw error;
      showTrouble(error.refusal);
    } finally {
      if (this.#search === search) {
        this.#search = null;
        fill(element('progress'), '');
      }
    }
  }

  #hit(r) {
    const name = make('bdi', '', r.name);
    const where = makeButton('where', () => this.#sheet.open({id: r.document_id, name: r.name, page: r.page, from: r.start, to: r.end}), name, `, page ${r.page}`);
    const node = make('li', 'result', make('h4', '', where));
    if (r.section) node.append(auto('section soft', r.section));
    if (r.context) node.append(auto('section soft', r.context));
    node.append(auto('passage', r.text));
    node.dataset.document = r.document_id;
    return node;
  }

  async #analyse() {
    if (this.#study !== null) return;
    const kind = element('kind'), documents = this.#documents;
    const question = element('question').value.trim();
    if (kind.value === 'custom' && question === '') { element('question').focus(); return; }
    const title = `${kind.selectedOptions[0].textContent}: ${documents.length === 1 ? documents[0].name : `${documents.length} documents`}`;
    const study = this.#study = new AbortController();
    this.#search?.abort();
    showTrouble(null);
    this.#busy('Begins');
    element('stop').focus();
    fill(element('announcer'), 'The analysis has begun');
    try {
      const report = await this.#hear(...this.#asked(kind.value, question), study.signal);
      if (!this.#signal.aborted) this.#report(title, report, documents);
    } catch (error) {
      this.#broken(error);
    } finally {
      this.#study = null;
      if (!this.#signal.aborted) this.#rest();
    }
  }

  // asked is the path and the body of the analysis that is wanted.
  #asked(kind, question) {
    const ids = this.#documents.map((d) => d.document_id);
    if (kind === 'insights') return ['investment/insights', {document_ids: ids, stream: true}];
    const body = {document_id: ids[0], analysis_type: kind, stream: true};
    if (kind === 'custom') body.question = question;
    return ['documents/analyze', body];
  }

  #broken(error) {
    if (this.#signal.aborted) return;
    if (error.name === 'AbortError') fill(element('announcer'), 'Stopped');
    else if (error.refusal) showTrouble(error.refusal);
    else throw error;
  }

  #busy(words) {
    const busy = words !== '';
    fill(element('progress'), words);
    element('stop').hidden = !busy;
    element('run').hidden = busy;
    element('find').disabled = busy;
    element('kind').disabled = busy;
    element('question').disabled = busy;
  }

  // rest is when nothing runs any more.
  #rest() {
    const focused = document.activeElement === element('stop');
    this.#busy('');
    this.within(this.#documents);
    if (focused) (element('run').disabled ? element('kind') : element('run')).focus();
  }

  // hear asks for an analysis, and reads its events as they come; it returns the report.
  async #hear(path, body, signal) {
    const answer = await this.#service.stream(path, body, signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const {value, done} = await reader.read().catch((error) => { throw signal.aborted || this.#signal.aborted ? error : thrown(refusalOf('broke_off')); });
      if (done) throw thrown(refusalOf('broke_off'));
      const frames = (rest + value).split('\n\n');
      rest = frames.pop();
      for (const frame of frames) {
        const report = this.#event(frame);
        if (report !== null) return report;
      }
    }
  }

  // event reads one event; it returns the report when it has come.
  #event(frame) {
    let kind = 'message', data = '';
    for (const line of frame.split('\n')) {
      if (line.startsWith('event: ')) kind = line.slice(7);
      if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (data === '') return null; // a sign of life
    const told = JSON.parse(data);
    if (kind === 'result') return told;
    if (kind === 'error') throw thrown({status: 0, code: String(told.code ?? ''), message: String(told.message ?? ''), said: String(told.error ?? ''), retryAfter: Number(told.retry_after) || 0});
    if (kind === 'progress') fill(element('progress'), progressWords(told));
    return null;
  }

  #report(title, report, documents) {
    const several = documents.length > 1;
    for (const d of documents) this.#names.set(d.document_id, d.name);
    const nameOf = (id) => this.#names.get(id) ?? '';
    const nodes = reportNodes(
      report,
      (c) => this.#sheet.open({id: c.document_id, name: nameOf(c.document_id), page: c.page, from: c.start, to: c.end}),
      several ? nameOf : () => '',
    );
    if (!several) for (const node of nodes) node.dataset.document = documents[0].document_id;
    this.#show(title, nodes);
    const n = findings(report);
    fill(element('announcer'), `The analysis is done: ${n === 1 ? '1 finding' : `${n} findings`}`);
  }
}

function auto(className, text) {
  const node = make('p', className, text);
  node.dir = 'auto';
  return node;
}

function scopeWords(documents, kind) {
  switch (documents.length) {
    case 0: return ['Searches all documents. Choose one to analyse it.'];
    case 1: return ['Searches and analyses ', make('bdi', '', documents[0].name), '.'];
  }
  const begin = `Searches the ${documents.length} chosen documents`;
  if (kind !== 'insights') return [`${begin}. Choose one to analyse it, or take Insights.`];
  return [documents.length > mostStudied ? `${begin}. Insights are of ${mostStudied} at most.` : `${begin}, or has insights of them.`];
}

function progressWords(p) {
  if (p.stage === 'waiting') return 'Waits for the document to be read';
  const parts = p.stage === 'merging' ? ['Putting it together'] : [];
  if (p.pages > 0) parts.push(`${p.pages_read} of ${p.pages} pages read`);
  if (p.calls > 0) parts.push(`${p.calls_done} of ${p.calls} questions answered`);
  if (p.findings > 0) parts.push(p.findings === 1 ? '1 finding' : `${p.findings} findings`);
  return parts.length === 0 ? 'Begins' : parts.join(' · ');
}
