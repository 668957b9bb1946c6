// What went wrong with documents, in plain words: words.js speaks of answers.

import {element, make} from './dom.js';
import {duration, explain} from './words.js';

const titles = new Map([
  ['body_too_large', 'That is too long to send'],
  ['broke_off', 'The connection was lost before the end'],
  ['document_deleted', 'This document was deleted while it was read'],
  ['document_not_found', 'This document is not there any more'],
  ['document_not_readable', 'This document has no text that can be analysed'],
  ['document_not_ready', 'This document is still being read'],
  ['documents_full', 'There is no room for more documents of this app'],
  ['file_too_large', 'This file is too large'],
  ['is_folder', 'This is a folder, or cannot be read'],
  ['model_not_found', 'There is no model for this'],
  ['page_not_found', 'This document has no such page'],
  ['search_index_rebuilding', 'The search is being made ready'],
  ['storage_full', 'The disk of the service is full'],
  ['took_too_long', 'The service took too long'],
  ['too_many_uploads', 'Too many files are being sent at once'],
  ['unsupported_content_type', 'This kind of upload is not taken'],
]);

const details = new Map([
  ['broke_off', 'What was found is lost. Run it again.'],
  ['document_not_found', 'It may have been deleted elsewhere.'],
  ['documents_full', 'Delete others first.'],
  ['is_folder', 'Choose the files in it instead.'],
  ['storage_full', 'Nothing is wrong with the file.'],
  ['took_too_long', 'Try again.'],
]);

function titleOf({status, code, said}) {
  if (titles.has(code)) return titles.get(code);
  switch (status) {
    case 404: return 'This is not there any more';
    case 413: return 'This file is too large';
    case 504: return 'The service took too long';
    case 507: return 'The disk of the service is full';
    case 401: case 403: case 429: case 502: case 503: return '';
  }
  if (code === 'no_network') return '';
  return said ? said.replace(/\.$/, '') : 'The service could not do that';
}

// refusalOf makes one that did not come from the service.
export function refusalOf(code) { return {status: 0, code, message: '', retryAfter: 0}; }

// thrown is an error that has a refusal.
export function thrown(refusal) { return Object.assign(new Error(refusal.code), {refusal}); }

// wordsFor are a refusal's title, and what there is to say beside.
export function wordsFor(refusal) {
  const usual = explain(refusal), title = titleOf(refusal) || usual.title;
  const said = [usual.detail, details.get(refusal.code) ?? ''].find((text) => text !== '' && text !== title && text !== refusal.said) ?? '';
  return {title, detail: said === '' || /[.!?]$/.test(said) ? said : `${said.charAt(0).toUpperCase()}${said.slice(1)}.`};
}

// lineFor says a refusal in one text.
export function lineFor(refusal) {
  const {title, detail} = wordsFor(refusal);
  const when = refusal.retryAfter > 0 ? ` Try again in ${duration(refusal.retryAfter)}.` : '';
  return `${title}.${detail === '' ? '' : ` ${detail}`}${when}`;
}

// showTrouble says a refusal above the results; null takes it away.
export function showTrouble(refusal) {
  const place = element('trouble');
  if (refusal === null) {
    place.replaceChildren();
    return;
  }
  const {title, detail} = wordsFor(refusal);
  const when = refusal.retryAfter > 0 ? `Try again in ${duration(refusal.retryAfter)}.` : '';
  const lines = [make('p', 'title', `${title}.`)];
  for (const words of [detail, when]) {
    if (words !== '') lines.push(make('p', 'detail', words));
  }
  place.replaceChildren(...lines);
  place.scrollIntoView({block: 'nearest'});
}
