// The chat page: it asks for an app's key, and with a key it is a Chat.
//
// Start with Gate.

import {ask, Chat} from './talk.js';
import {element, fill} from './view.js';
import {sentences} from './words.js';

const keyPlace = 'fairlead.key';

// Gate asks for the key.
class Gate {
  #chat = null;

  constructor() {
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
      await ask(key, 'v1/me');
      sessionStorage.setItem(keyPlace, key);
      input.value = '';
      this.#enter(key);
      element('prompt').focus();
    } catch (error) {
      if (!error.refusal) throw error;
      this.#show(sentences(error.refusal));
    } finally {
      button.disabled = false;
    }
  }

  #enter(key) {
    this.#swap(true);
    this.#chat = new Chat(key, (refusal) => this.#leave(refusal));
  }

  #leave(refusal) {
    const chat = this.#chat;
    this.#chat = null;
    sessionStorage.removeItem(keyPlace);
    if (refusal) chat?.end();
    else chat?.forget();
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
    for (const id of ['talk', 'composer', 'new', 'settings-button']) element(id).hidden = !inside;
  }
}

// Theme goes from the system's to the one that it is not, and back.
class Theme {
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

new Theme();
new Gate();
