// Conversation is what was said, and what is known of the answer that is being
// given. It lives in this tab's sessionStorage, so that a reload in the middle of
// an answer can go on where it was: the text that has arrived and the number of
// its last frame are stored together, and the service is asked for what follows.
//
// A turn is {role, text} of the user, or of the assistant with
//   state    sending, queued, running; then done, stopped, incomplete, failed
//   stream   the lane it is answered on
//   response the id of the answer, once known
//   seq      the number of the last frame, -1 before the first
// and position, model, tokens, why, refusal where there is one.

import {refusalOfFrame} from './words.js';

const place = 'fairlead.chat';
const saveEvery = 300; // ms between two saves while an answer arrives
const mostBytes = 1 << 20; // of one frame, where the service names no limit

const live = new Set(['sending', 'queued', 'running']);

// isLive says whether more is to come of a turn.
export function isLive(turn) { return live.has(turn?.state); }

export class Conversation {
  turns = [];
  instructions = '';
  model = '';
  #timer = 0;
  #count = 0; // of the turns that this page has begun

  constructor() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(place) ?? 'null');
      if (Array.isArray(kept?.turns)) {
        this.turns = kept.turns.filter((turn) => typeof turn?.text === 'string');
        this.instructions = String(kept.instructions ?? '');
        this.model = String(kept.model ?? '');
      }
    } catch { /* nothing that can be read was kept */ }
    globalThis.addEventListener('pagehide', this.#leave);
  }

  #leave = () => this.save();

  // active is the turn that is being answered, or null.
  get active() {
    const last = this.turns.at(-1);
    return isLive(last) ? last : null;
  }

  // ask adds a message and the turn of its answer, which it returns.
  ask(text) {
    this.turns.push({role: 'user', text});
    return this.#begin();
  }

  // again has the last message answered anew; what was there of an answer goes.
  again() {
    if (this.turns.at(-1)?.role === 'assistant') this.turns.pop();
    return this.#begin();
  }

  #begin() {
    const turn = {role: 'assistant', text: '', state: 'sending', stream: this.#newStream(), response: '', seq: -1};
    this.turns.push(turn);
    this.save();
    return turn;
  }

  #newStream() {
    const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
    return `turn-${++this.#count}-${random}`;
  }

  // request is the frame that asks for the answer of a turn, or null if it would
  // have more bytes than the service takes. It carries the whole conversation, so that the service need not
  // keep any of it.
  request(turn, most = mostBytes) {
    const input = [];
    for (const said of this.turns) {
      if (said === turn) break;
      if (said.text !== '') input.push({type: 'message', role: said.role, content: said.text});
    }
    const frame = {type: 'response.create', stream_id: turn.stream, input, store: false};
    if (this.model !== '') frame.model = this.model;
    if (this.instructions.trim() !== '') frame.instructions = this.instructions.trim();
    return new Blob([JSON.stringify(frame)]).size <= most ? frame : null;
  }

  // apply has a frame change the turn that it is for, and returns that turn, or
  // null if it is for none that is being answered.
  apply(frame) {
    const turn = this.active;
    if (turn === null || (frame.stream_id !== undefined && frame.stream_id !== turn.stream)) return null;
    if (Number.isInteger(frame.sequence_number)) {
      if (frame.sequence_number <= turn.seq) return null; // it was here before the socket dropped
      turn.seq = frame.sequence_number;
    }
    change(turn, frame);
    if (isLive(turn)) this.#saveSoon();
    else this.save();
    return turn;
  }

  // fail ends a turn with a refusal.
  fail(turn, refusal) {
    failWith(turn, refusal);
    this.save();
  }

  // stop ends a turn because its reader has read enough.
  stop(turn) {
    turn.state = 'stopped';
    this.save();
  }

  clear() {
    this.turns = [];
    this.save();
  }

  // close keeps what there is for the next Conversation in this tab.
  close() {
    this.save();
    globalThis.removeEventListener('pagehide', this.#leave);
  }

  // forget leaves nothing in this tab.
  forget() {
    this.turns = [];
    this.instructions = this.model = '';
    this.close();
  }

  #saveSoon() {
    this.#timer ||= setTimeout(() => this.save(), saveEvery);
  }

  save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.turns.length === 0 && this.instructions === '' && this.model === '') {
      sessionStorage.removeItem(place);
      return;
    }
    try {
      sessionStorage.setItem(place, JSON.stringify({turns: this.turns, instructions: this.instructions, model: this.model}));
    } catch { /* there is no room: the conversation goes on, a reload would lose it */ }
  }
}

// change is what a frame does to a turn.
function change(turn, frame) {
  note(turn, frame);
  switch (frame.type) {
    case 'response.queued':
      turn.state = 'queued';
      turn.position = Number.isInteger(frame.position) ? frame.position : 0;
      break;
    case 'response.created':
    case 'response.in_progress':
      turn.state = 'running';
      break;
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      append(turn, frame);
      break;
    case 'response.completed':
      turn.state = 'done';
      if (turn.text === '') turn.text = textOf(frame.response);
      break;
    case 'response.incomplete':
      turn.state = 'incomplete';
      turn.why = frame.response?.incomplete_details?.reason ?? '';
      break;
    case 'response.cancelled':
      turn.state = 'stopped';
      break;
    case 'response.failed':
      failWith(turn, refusalOfFrame(frame.response ?? {}));
      break;
    case 'error':
      failWith(turn, refusalOfFrame(frame));
  }
}

// failWith ends a turn with a refusal, which is told with the time from which it
// may be asked again.
function failWith(turn, refusal) {
  turn.state = 'failed';
  turn.refusal = {...refusal, until: Date.now() + 1000 * refusal.retryAfter};
}

// note keeps what a frame says of its answer as a whole.
function note(turn, frame) {
  const {response} = frame;
  turn.response ||= response?.id ?? frame.response_id ?? '';
  if (response?.model) turn.model = response.model;
  if (Number.isInteger(response?.usage?.total_tokens)) turn.tokens = response.usage.total_tokens;
}

// append adds a piece of text. Another part of the answer is another paragraph.
function append(turn, frame) {
  const part = `${frame.output_index ?? 0}.${frame.content_index ?? 0}`;
  if (turn.text !== '' && turn.part !== undefined && turn.part !== part) turn.text += '\n\n';
  turn.part = part;
  turn.text += frame.delta ?? '';
  turn.state = 'running';
}

// textOf is all that an answer says.
function textOf(response) {
  const parts = (response?.output ?? []).flatMap((item) => item.type === 'message' ? item.content ?? [] : []);
  return parts.map((part) => part.text ?? part.refusal ?? '').filter((text) => text !== '').join('\n\n');
}
