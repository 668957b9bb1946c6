// What an analysis found, as elements: each finding with its quotes, and each figure with
// where it is written. Text goes in as text, never as HTML.

import {make, makeButton} from './dom.js';

const sections = [['thesis', 'Thesis'], ['strengths', 'Strength'], ['risks', 'Risk'], ['outlook', 'Outlook']];

const whys = new Map([
  ['deadline', 'The time was over before all of it was read.'],
  ['provider_errors', 'The model did not answer all that it was asked.'],
  ['not_merged', 'What was found in its parts could not be put together.'],
]);

// findings counts what a report has found.
export function findings(report) { return allOf(report).length + (report.metrics ?? []).length + (report.ratios ?? []).length; }

// allOf are the findings of a report, those of insights with their section as category.
function allOf(report) {
  return [
    ...(report.findings ?? []),
    ...sections.flatMap(([key, name]) => (report[key] ?? []).map((finding) => ({...finding, category: name}))),
  ];
}

// reportNodes are the items that show a report. cited(citation) is called with what is
// to be shown on its page, nameOf(id) is the name of a document.
export function reportNodes(report, cited, nameOf) {
  const notes = [];
  if (report.engine === 'extractive') notes.push('Made by the offline engine out of sentences and figures of the document: no model has read it.');
  if (report.partial) notes.push(`${whys.get(report.why) ?? 'This is not all.'} Pages read: ${report.pages_read} of ${report.pages}.`);
  if (report.dropped_findings > 0) notes.push(`Left out, since the document does not say it: ${report.dropped_findings}.`);
  if (findings(report) === 0) notes.push('Nothing was found that could be cited.');
  const quote = (c) => makeButton('quote', () => cited(c), made('q', 'quoted', c.quote), make('span', 'soft', ` ${place(c, nameOf)}`));
  return [
    ...notes.map((note) => make('li', 'result note', note)),
    ...tables(report, cited, nameOf),
    ...allOf(report).map((finding) => findingNode(finding, quote)),
  ];
}

function made(tag, className, text) {
  const node = make(tag, className, text);
  node.dir = 'auto';
  return node;
}

function place(c, nameOf) {
  const name = nameOf(c.document_id);
  return name === '' ? `page ${c.page}` : `${name}, page ${c.page}`;
}

function findingNode(finding, quote) {
  const node = make('li', 'result', made('h4', '', finding.title));
  if (finding.category) node.prepend(make('p', 'section soft', finding.category));
  const cites = finding.citations ?? [];
  // The offline engine says nothing but the quote.
  const said = cites.length > 0 && cites.map((c) => c.quote).join(' ').includes(finding.detail);
  if (finding.detail && !said) node.append(made('p', 'detail', finding.detail));
  node.append(...cites.map(quote));
  return node;
}

// tables are the figures and the ratios.
function tables(report, cited, nameOf) {
  const all = [];
  const metrics = report.metrics ?? [], ratios = report.ratios ?? [];
  if (metrics.length > 0) {
    all.push(table('Figures', ['Figure', 'Period', 'Value', 'Where'], metrics.map((m) => [
      titleOf(m), m.period, amount(m), makeButton('where', () => cited(m.citation), place(m.citation, nameOf)),
    ])));
  }
  if (ratios.length > 0) {
    all.push(table('Ratios', ['Ratio', 'Period', 'Value', 'Computed from'], ratios.map((r) => [titleOf(r), r.period, amount(r), r.formula])));
  }
  return all;
}

function titleOf(f) { return f.company ? `${f.title} (${f.company})` : f.title; }

function table(name, heads, rows) {
  const head = make('tr', '', ...heads.map((text) => Object.assign(make('th', '', text), {scope: 'col'})));
  const body = make('tbody', '', ...rows.map((cells) => make('tr', '', ...cells.map((cell, i) => {
    const node = make('td', i === 2 ? 'amount' : '', cell);
    if (typeof cell === 'string') node.dir = 'auto';
    return node;
  }))));
  const scroll = make('div', 'table', make('table', '', make('caption', '', name), make('thead', '', head), body));
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'group');
  scroll.setAttribute('aria-label', name);
  return make('li', 'result', scroll);
}

// amount writes a value for people.
function amount({value, unit, currency, scaled}) {
  const digits = (n, most, least = 0) => n.toLocaleString('en', {minimumFractionDigits: least, maximumFractionDigits: most});
  const all = (...words) => words.filter((word) => word).join(' ');
  if (unit === 'percent') return `${digits(value, 1, 1)} %`;
  if (unit === 'times' || unit === 'per_share') return all(digits(value, 2, 2), currency);
  if (!scaled) return all(digits(value, 2), currency, '(unit not stated)');
  for (const [from, word] of [[1e9, 'billion'], [1e6, 'million']]) {
    if (Math.abs(value) >= from) return all(digits(value / from, 3), word, currency);
  }
  return all(digits(value, 2), currency);
}
