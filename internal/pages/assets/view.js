// What the page shows of a conversation: one element a turn, which is brought up
// to date as the turn changes. Text goes in as text, never as HTML.

import {isLive} from './conversation.js';
import {element, fill, make} from './dom.js';
import {Document} from './markdown.js';
import {duration, explain, ordinal, sentences, whyIncomplete} from './words.js';

const near = 96; // px from the end within which the page follows an answer
const longestSaid = 1_500; // characters of an answer that are read out by themselves

// copy puts a text on the clipboard, and says on the button that it is there.
async function copy(text, button) {
  const label = button.textContent;
  fill(button, await toClipboard(text) ? 'Copied' : 'Not copied');
  setTimeout(() => fill(button, label), 1_500);
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* not in a page without TLS: the old way */ }
  const area = make('textarea', 'unseen');
  area.value = text;
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return copied;
}

// Countdown is a button that can be pressed when a time has come.
class Countdown {
  #button;
  #label;
  #timer = 0;

  constructor(button, label) {
    this.#button = button;
    this.#label = label;
  }

  run(until) {
    clearInterval(this.#timer);
    const show = () => {
      const left = (until - Date.now()) / 1000;
      this.#button.disabled = left > 0;
      fill(this.#button, left > 0 ? `${this.#label} in ${duration(left)}` : this.#label);
      if (left <= 0) clearInterval(this.#timer);
    };
    this.#timer = setInterval(show, 250);
    show();
  }

  stop() { clearInterval(this.#timer); }
}

// Answer shows one turn of the assistant.
class Answer {
  #turn;
  #text;
  #who = make('h2', 'who');
  #said = make('div', 'said');
  #state = make('p', 'state');
  #trouble = make('div', 'trouble');
  #meta = make('p', 'meta');
  #retry = make('button', 'plain');
  #countdown = new Countdown(this.#retry, 'Try again');
  node = make('li', 'turn answer', this.#who, this.#said, this.#state, this.#trouble, this.#meta);

  constructor(turn, again) {
    this.#turn = turn;
    this.#text = new Document(this.#said, copy);
    this.#retry.type = 'button';
    this.#retry.addEventListener('click', again);
  }

  // update shows the turn as it is now; link says what hinders its connection.
  update(link) {
    const turn = this.#turn;
    this.node.dataset.state = turn.state;
    this.node.setAttribute('aria-busy', String(isLive(turn)));
    fill(this.#who, turn.model || 'Answer');
    this.#text.show(turn.text);
    this.#said.hidden = turn.text === '';
    fill(this.#state, this.#stateWords(link));
    this.#state.hidden = this.#state.textContent === '';
    this.#showTrouble();
    this.#showMeta();
  }

  #stateWords(link) {
    const turn = this.#turn;
    switch (turn.state) {
      case 'stopped': return 'Stopped.';
      case 'incomplete': return whyIncomplete(turn.why);
    }
    if (!isLive(turn)) return '';
    if (link !== '') return link;
    if (turn.state === 'queued') return placeWords(turn.position);
    return turn.text === '' ? (turn.state === 'running' ? 'Thinking' : 'Sending') : '';
  }

  #showTrouble() {
    const {refusal} = this.#turn;
    if (this.#turn.state !== 'failed' || !refusal) {
      this.#countdown.stop();
      this.#trouble.replaceChildren();
      return;
    }
    if (this.#trouble.childElementCount > 0) return;
    const {title, detail} = explain(refusal);
    this.#trouble.append(make('p', 'title', this.#turn.text === '' ? `${title}.` : `The answer broke off: ${title.charAt(0).toLowerCase()}${title.slice(1)}.`));
    if (detail !== '') this.#trouble.append(make('p', 'detail', detail));
    this.#trouble.append(this.#retry);
    this.#countdown.run(refusal.until);
  }

  // settle takes the buttons of a turn that is not the last any more.
  settle() {
    this.#countdown.stop();
    this.#retry.remove();
  }

  #showMeta() {
    const turn = this.#turn;
    if (isLive(turn) || turn.text === '') {
      this.#meta.replaceChildren();
      return;
    }
    if (this.#meta.childElementCount > 0) return;
    const button = make('button', 'plain', 'Copy answer');
    button.type = 'button';
    button.addEventListener('click', () => copy(turn.text, button));
    this.#meta.append(button);
    if (turn.tokens > 0) this.#meta.append(make('span', 'soft', `${turn.tokens.toLocaleString('en')} tokens`));
  }
}

function placeWords(position) {
  if (position <= 0) return 'Waiting for a free slot';
  return position === 1 ? 'Next in line' : `${ordinal(position)} in line`;
}

// Turns shows the conversation.
export class Turns {
  #list = element('turns');
  #empty = element('empty');
  #announcer = element('announcer');
  #latest = element('latest');
  #answers = new Map(); // by turn
  #again;
  #follows = true;
  #frame = 0;
  #link = '';
  #announced = '';

  // again is called when the last answer is to be tried again; signal ends it all.
  constructor(again, signal) {
    this.#again = again;
    this.#latest.addEventListener('click', () => this.toEnd(), {signal});
    globalThis.addEventListener('scroll', () => this.#look(), {passive: true, signal});
    globalThis.addEventListener('resize', () => { if (this.#follows) this.#scroll(); }, {signal});
  }

  // show shows all turns anew.
  show(turns) {
    for (const answer of this.#answers.values()) answer.settle();
    this.#answers.clear();
    this.#list.replaceChildren();
    for (const turn of turns) this.add(turn);
    this.#empty.hidden = turns.length > 0;
    this.toEnd();
  }

  // add shows one turn more.
  add(turn) {
    this.#empty.hidden = true;
    for (const answer of this.#answers.values()) answer.settle();
    if (turn.role === 'user') {
      this.#list.append(make('li', 'turn user', make('h2', 'who', 'You'), make('div', 'said', turn.text)));
      return;
    }
    this.say(''); // the next answer may say the same as the last
    const answer = new Answer(turn, this.#again);
    this.#answers.set(turn, answer);
    this.#list.append(answer.node);
    answer.update(this.#link);
  }

  // update brings a turn up to date with the next frame of the screen.
  update(turn) {
    this.#announce(turn);
    if (!isLive(turn)) this.#draw(turn);
    else this.#frame ||= requestAnimationFrame(() => this.#draw(turn));
  }

  #draw(turn) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#answers.get(turn)?.update(this.#link);
    if (this.#follows) this.#scroll();
    else this.#latest.hidden = false;
  }

  // hinder says what hinders the connection of the answer that is being given, ''
  // if nothing does.
  hinder(turn, words) {
    this.#link = words;
    if (turn) this.update(turn);
  }

  // announce tells those who hear the page what has come of a turn: not each
  // token, but where it waits, and the end.
  #announce(turn) {
    let words = '';
    switch (turn.state) {
      case 'queued': words = placeWords(turn.position); break;
      case 'done':
      case 'incomplete': words = `Answer: ${turn.text.slice(0, longestSaid)}${turn.text.length > longestSaid ? ' The rest is in the conversation.' : ''}`; break;
      case 'stopped': words = 'Stopped.'; break;
      case 'failed': words = sentences(turn.refusal); break;
      default: return;
    }
    this.say(words);
  }

  // say has a text read out.
  say(words) {
    if (words === this.#announced) return;
    this.#announced = words;
    fill(this.#announcer, words);
  }

  toEnd() {
    this.#follows = true;
    this.#latest.hidden = true;
    this.#scroll();
  }

  #scroll() {
    document.scrollingElement.scrollTop = document.scrollingElement.scrollHeight;
  }

  // look follows the answer while its end is in sight.
  #look() {
    const {scrollTop, clientHeight, scrollHeight} = document.scrollingElement;
    this.#follows = scrollHeight - scrollTop - clientHeight < near;
    if (this.#follows) this.#latest.hidden = true;
  }
}

// showLimits lists what the app may do.
export function showLimits(list, entries) {
  list.replaceChildren(...entries.flatMap(([name, value]) => [make('dt', '', name), make('dd', '', value)]));
}
