// Chat is what the page does once there is a key: it keeps a Connection while there
// is need for one, and puts what the service says into a Conversation and on the
// screen.

import {address, authorised, Connection} from './connection.js';
import {Conversation} from './conversation.js';
import {element, fill} from './dom.js';
import {showLimits, Turns} from './view.js';
import {duration, explain, refusalOfAnswer} from './words.js';

const askTime = 15_000; // ms for a question by HTTP
const standingEvery = 2_000; // ms between two looks at the app's limits, at least
const highestPrompt = 8; // lines of the box that a message is written in
const mostResent = 2; // times that a turn which the service did not take is sent again by itself

// The service takes no turns any more on this socket, and has not taken this one.
const notTaken = new Set(['draining', 'websocket_connection_limit_reached']);

// sessionLimits says those limits of a connection that concern a reader.
const sessionLimits = new Map([
  ['message_bytes', {name: 'Longest message', words: (n) => `${Math.floor(n / 1024).toLocaleString('en')} KiB`}],
  ['age_seconds', {name: 'A connection lasts', words: duration}],
]);

// ask gets JSON from the service. What it throws has the refusal.
export async function ask(key, path) {
  let answer;
  try {
    answer = await fetch(address(path), authorised(key, {signal: AbortSignal.timeout(askTime)}));
  } catch {
    throw Object.assign(new Error(path), {refusal: {status: 0, code: 'no_network', message: '', retryAfter: 0}});
  }
  if (!answer.ok) throw Object.assign(new Error(path), {refusal: await refusalOfAnswer(answer)});
  return answer.json();
}

export class Chat {
  #key;
  #leave;
  #conversation = new Conversation();
  #ends = new AbortController(); // of what the page listens for
  #turns = new Turns(() => this.#again(), this.#ends.signal);
  #connection;
  #cancels = []; // frames that are to stop answers, once there is a socket
  #session = {}; // the service's limits
  #standing = null; // the app's
  #standingAt = 0;
  #look = 0; // the timer of the next look at it
  #link = {phase: 'resting'};
  #clock = 0;

  // leave(refusal) is called when the key is not known, with null when it is to be
  // forgotten.
  constructor(key, leave) {
    this.#key = key;
    this.#leave = leave;
    this.#connection = new Connection(key, {
      frame: (frame) => this.#hear(frame),
      phase: (link) => this.#linked(link),
      needed: () => this.#conversation.active !== null || this.#cancels.length > 0,
    });
    this.#listen();
    this.#turns.show(this.#conversation.turns);
    this.#pickUp();
    this.#connection.open();
    this.#loadModels();
    this.#showSend();
    this.#grow();
  }

  // pickUp looks at an answer that a reload has interrupted: one that has a name
  // can be resumed, one that has none was perhaps never begun.
  #pickUp() {
    const turn = this.#conversation.active;
    if (turn !== null && turn.response === '') {
      this.#conversation.fail(turn, {status: 0, code: 'not_begun', message: '', retryAfter: 0});
      this.#turns.update(turn);
    }
  }

  #listen() {
    const on = (node, event, does) => node.addEventListener(event, does, {signal: this.#ends.signal});
    const prompt = element('prompt'), instructions = element('instructions'), model = element('model');
    on(element('composer'), 'submit', (event) => { event.preventDefault(); this.#send(); });
    on(element('stop'), 'click', () => this.#stop());
    on(element('new'), 'click', () => this.#new());
    on(element('forget'), 'click', () => this.#leave(null));
    on(prompt, 'input', () => { this.#showSend(); this.#grow(); });
    on(prompt, 'keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    on(document, 'keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Escape') this.#escape();
      if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        event.preventDefault();
        this.#new();
      }
    });
    instructions.value = this.#conversation.instructions;
    on(instructions, 'input', () => { this.#conversation.instructions = instructions.value; this.#conversation.save(); });
    on(model, 'change', () => { this.#conversation.model = model.value; this.#conversation.save(); });
    on(element('settings-button'), 'click', () => this.#openSettings(element('settings').hidden));
    on(document, 'pointerdown', (event) => {
      if (!event.target.closest('#settings, #settings-button')) this.#openSettings(false);
    });
  }

  #openSettings(open) {
    const settings = element('settings'), button = element('settings-button');
    if (settings.hidden === !open) return;
    settings.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    if (open) {
      this.#lookAtStanding();
      element('instructions').focus();
    }
  }

  // escape closes what lies on top, else stops the answer.
  #escape() {
    if (element('settings').hidden) {
      this.#stop();
      return;
    }
    this.#openSettings(false);
    element('settings-button').focus();
  }

  #send() {
    const prompt = element('prompt'), text = prompt.value.trim();
    if (text === '' || this.#conversation.active !== null) return;
    prompt.value = '';
    this.#grow();
    const turn = this.#conversation.ask(text);
    this.#turns.add(this.#conversation.turns.at(-2));
    this.#turns.add(turn);
    this.#turns.toEnd();
    this.#showSend();
    this.#deliver(turn);
  }

  // again has the last answer tried again.
  #again() {
    if (this.#conversation.active !== null) return;
    const turn = this.#conversation.again();
    this.#turns.show(this.#conversation.turns);
    element('prompt').focus();
    this.#showSend();
    this.#deliver(turn);
  }

  // deliver sends the request of a turn now, or when there is a socket.
  #deliver(turn) {
    const frame = this.#conversation.request(turn, this.#session.message_bytes);
    if (frame === null) {
      this.#fail(turn, {status: 0, code: 'too_long', message: '', retryAfter: 0});
    } else if (this.#connection.send(frame)) {
      turn.sent = true;
    } else {
      this.#connection.open();
    }
  }

  // grow makes the box as high as its text, where the browser does not by itself.
  #grow() {
    if (CSS.supports('field-sizing', 'content')) return;
    const prompt = element('prompt');
    prompt.rows = Math.min(highestPrompt, prompt.value.split('\n').length);
  }

  #stop() {
    const turn = this.#conversation.active;
    if (turn === null) return;
    if (turn.sent || turn.response !== '') {
      const cancel = {type: 'response.cancel', stream_id: turn.stream};
      if (turn.response !== '') cancel.response_id = turn.response;
      if (!this.#connection.send(cancel) && turn.response !== '') this.#cancels.push(cancel);
    }
    this.#conversation.stop(turn);
    this.#changed(turn);
  }

  #new() {
    this.#stop();
    this.#conversation.clear();
    this.#turns.show([]);
    this.#turns.say('New chat.');
    this.#showSend();
    element('prompt').focus();
  }

  #fail(turn, refusal) {
    this.#conversation.fail(turn, refusal);
    this.#changed(turn);
  }

  // hear takes a frame of the service.
  #hear(frame) {
    if (frame.type === 'session.created') {
      this.#session = frame.limits ?? {};
      this.#showLimits();
      return;
    }
    if (this.#isRefusalToResend(frame)) return;
    const turn = this.#conversation.apply(this.#asKept(frame));
    if (turn !== null) this.#changed(turn);
  }

  // isRefusalToResend says whether a frame says that this socket takes no turn any
  // more; the next one will.
  #isRefusalToResend(frame) {
    const turn = this.#conversation.active;
    if (turn === null || frame.type !== 'error' || !notTaken.has(frame.error?.code) || turn.response !== '') return false;
    if (!turn.sent) return true; // it waits for the next socket already
    turn.resent = (turn.resent ?? 0) + 1;
    turn.sent = false;
    return turn.resent <= mostResent;
  }

  // asKept has an answer that the service does not know any more fail by that name.
  #asKept(frame) {
    const turn = this.#conversation.active;
    if (frame.type !== 'error' || !turn?.resumed || !(frame.status === 404 || frame.status === 410)) return frame;
    return {...frame, error: {code: 'gone', message: ''}};
  }

  // changed shows a turn, and what the page can do now.
  #changed(turn) {
    this.#turns.update(turn);
    this.#showSend();
    if (this.#conversation.active === null) this.#lookAtStanding();
  }

  // linked takes what has become of the connection.
  #linked(link) {
    this.#link = link;
    const turn = this.#conversation.active;
    switch (link.phase) {
      case 'open':
        this.#turns.hinder(turn, '');
        this.#opened(turn);
        this.#lookAtStanding();
        break;
      case 'refused':
        if (link.refusal.status === 401) {
          this.#leave(link.refusal);
          return;
        }
        if (turn !== null) this.#fail(turn, link.refusal);
        break;
      case 'waiting':
        this.#dropped(turn);
    }
    this.#showLink();
  }

  // opened says what is to be said first on a new socket.
  #opened(turn) {
    for (const cancel of this.#cancels.splice(0)) this.#connection.send(cancel);
    if (turn === null) return;
    if (turn.response === '') {
      if (!turn.sent) this.#deliver(turn);
      return;
    }
    const resume = {type: 'response.resume', stream_id: turn.stream, response_id: turn.response};
    if (turn.seq >= 0) resume.starting_after = turn.seq;
    turn.resumed = true;
    this.#connection.send(resume);
  }

  // dropped looks at an answer whose socket is gone. Without a name it can't be
  // resumed, and to ask twice is for its reader to decide.
  #dropped(turn) {
    if (turn !== null && turn.sent && turn.response === '') {
      this.#fail(turn, {status: 0, code: 'not_begun', message: '', retryAfter: this.#link.refusal.retryAfter});
    }
  }

  // showLink says how the connection stands, second by second while it waits.
  #showLink() {
    clearTimeout(this.#clock);
    const {phase, refusal, until} = this.#link;
    const status = element('status');
    status.dataset.phase = phase;
    let words = {open: 'Connected', connecting: 'Connecting', resting: 'Ready', refused: 'Not connected'}[phase] ?? '';
    let hint = '';
    if (phase === 'waiting') {
      const left = Math.max(0, until - Date.now()) / 1000;
      words = left > 0 ? `Connects in ${duration(left)}` : 'Connecting';
      hint = `${explain(refusal).title}. Connects again in ${duration(left)}`;
      this.#clock = setTimeout(() => this.#showLink(), 500);
    } else if (phase === 'connecting') {
      hint = 'Connecting';
    }
    fill(element('status-words'), words);
    status.title = phase === 'resting' ? 'The connection is opened with the next message' : hint;
    if (phase !== 'open') this.#turns.hinder(this.#conversation.active, hint);
  }

  // showSend shows the button for what can be done: send, or stop.
  #showSend() {
    const busy = this.#conversation.active !== null, send = element('send'), stop = element('stop');
    const focused = document.activeElement;
    send.hidden = busy;
    stop.hidden = !busy;
    send.disabled = element('prompt').value.trim() === '';
    if (focused === stop && !busy) element('prompt').focus();
    if (focused === send && busy) stop.focus();
  }

  async #loadModels() {
    const select = element('model');
    let models;
    try {
      models = (await ask(this.#key, 'v1/models')).data ?? [];
    } catch (error) {
      if (error.refusal?.status === 401 && !this.#ends.signal.aborted) this.#leave(error.refusal);
      return; // the default model can be used without a list
    }
    if (this.#ends.signal.aborted) return;
    const names = [...new Set(models.map((model) => String(model.id)))].sort();
    if (this.#conversation.model !== '' && !names.includes(this.#conversation.model)) names.push(this.#conversation.model);
    select.replaceChildren(new Option('Default model', ''), ...names.map((name) => new Option(name, name)));
    select.value = this.#conversation.model;
  }

  // lookAtStanding asks how the app stands, now or a little later.
  #lookAtStanding() {
    this.#look ||= setTimeout(() => this.#askStanding(), Math.max(0, this.#standingAt + standingEvery - Date.now()));
  }

  async #askStanding() {
    this.#look = 0;
    this.#standingAt = Date.now();
    try {
      this.#standing = await ask(this.#key, 'v1/me');
    } catch {
      return; // what was known is still shown
    }
    if (!this.#ends.signal.aborted) this.#showLimits();
  }

  // showLimits says what the app may do, and what is left of it.
  #showLimits() {
    const entries = [], me = this.#standing;
    const windowed = (name, w) => { if (w) entries.push([name, `${w.remaining.toLocaleString('en')} of ${w.limit.toLocaleString('en')} left`]); };
    if (me) {
      entries.push(['App', me.app]);
      windowed('Requests a minute', me.requests);
      windowed('Tokens a minute', me.tokens);
      const slots = me.limits?.max_concurrent || me.limits?.max_concurrent_requests;
      entries.push(['Running', slots > 0 ? `${me.in_use} of ${slots}` : String(me.in_use)], ['Waiting', String(me.waiting)]);
      if (me.blocked_for_seconds > 0) entries.push(['Blocked for', duration(me.blocked_for_seconds)]);
    }
    for (const [name, value] of Object.entries(this.#session)) {
      const known = sessionLimits.get(name);
      if (known && value > 0) entries.push([known.name, known.words(value)]);
    }
    showLimits(element('limits'), entries);
    fill(element('left'), me?.requests ? `${me.requests.remaining.toLocaleString('en')} left` : '');
  }

  // end leaves nothing running; the conversation is kept for another key.
  end() {
    this.#stop();
    this.#openSettings(false);
    this.#ends.abort();
    clearTimeout(this.#clock);
    clearTimeout(this.#look);
    this.#connection.end();
    this.#conversation.close();
    this.#turns.show([]);
    showLimits(element('limits'), []);
  }

  // forget is end, and nothing is kept.
  forget() {
    this.end();
    this.#conversation.forget();
    element('instructions').value = element('prompt').value = '';
  }
}
