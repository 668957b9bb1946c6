// What every page has: the theme, and the gate that asks for an app's key.
//
// Start with Gate.

import {element, fill} from './dom.js';
import {sentences} from './words.js';

const keyPlace = 'fairlead.key';

// Gate asks for the key, and lets in who has one.
export class Gate {
  #page;
  #inside = null;

  // page has what is behind the gate: shown are the ids of its elements, focused is the
  // one that is typed into first; check(key) fails where the key is no good, and
  // enter(key, leave) begins, and returns what has end() and forget(). leave(refusal) is
  // to be called when the key is not known any more, with null when it is to be
  // forgotten.
  constructor(page) {
    this.#page = page;
    element('gate').addEventListener('submit', (event) => { event.preventDefault(); this.#try(); });
    const kept = sessionStorage.getItem(keyPlace);
    if (kept === null) this.#show('');
    else this.#enter(kept);
  }

  async #try() {
    const input = element('key'), button = element('enter'), key = input.value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) {
      this.#show('A key has no spaces and no special characters.');
      return;
    }
    button.disabled = true;
    fill(element('key-error'), '');
    try {
      await this.#page.check(key);
      sessionStorage.setItem(keyPlace, key);
      input.value = '';
      this.#enter(key);
      element(this.#page.focused).focus();
    } catch (error) {
      if (!error.refusal) throw error;
      this.#show(sentences(error.refusal));
    } finally {
      button.disabled = false;
    }
  }

  #enter(key) {
    this.#swap(true);
    this.#inside = this.#page.enter(key, (refusal) => this.#leave(refusal));
  }

  #leave(refusal) {
    const inside = this.#inside;
    this.#inside = null;
    sessionStorage.removeItem(keyPlace);
    if (refusal) inside?.end();
    else inside?.forget();
    this.#show(refusal ? sentences(refusal) : '');
  }

  #show(problem) {
    this.#swap(false);
    element('status').dataset.phase = 'none';
    fill(element('status-words'), 'No key');
    fill(element('key-error'), problem);
    element('key').setAttribute('aria-invalid', String(problem !== ''));
    element('key').focus();
  }

  #swap(inside) {
    element('gate').hidden = inside;
    for (const id of this.#page.shown) element(id).hidden = !inside;
  }
}

// Theme goes from the system's to the one that it is not, and back.
export class Theme {
  #button = element('theme');
  #system = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    this.#button.addEventListener('click', () => this.#next());
    this.#system.addEventListener('change', () => this.#say());
    this.#say();
  }

  get #chosen() { return document.documentElement.dataset.theme ?? ''; }

  get #other() { return this.#system.matches ? 'light' : 'dark'; }

  #next() {
    const root = document.documentElement;
    if (this.#chosen === '') root.dataset.theme = this.#other;
    else delete root.dataset.theme;
    try {
      if (this.#chosen === '') localStorage.removeItem('fairlead.theme');
      else localStorage.setItem('fairlead.theme', this.#chosen);
    } catch { /* it lasts until the reload */ }
    this.#say();
  }

  #say() {
    const words = this.#chosen === '' ? `Theme follows the system; change to ${this.#other}` : `Theme is ${this.#chosen}; follow the system`;
    this.#button.setAttribute('aria-label', words);
    this.#button.title = words;
  }
}
