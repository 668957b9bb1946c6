// Connection keeps one WebSocket to the service while there is need for it.
//
// It asks for a ticket by HTTP, so that the key is in no address, opens the
// socket with it, and is open when the service has said session.created. A socket
// that drops while it is needed is opened again: after the time that the service
// named, else after a wait that doubles from attempt to attempt. One that drops
// while nothing runs is left closed until the next message.

import {refusalOfAnswer, refusalOfClose} from './words.js';

const ticketTime = 10_000; // ms for the ticket
const openTime = 20_000; // ms from the opening to session.created, the wait for a place included
const firstWait = 500, longestWait = 30_000; // ms between attempts
const steady = 10_000; // ms that a socket must last for the waits to begin anew
const heartbeat = 20; // s of silence until a ping, where the service names none
const idleTime = 5 * 60_000; // ms without an answer, after which the place is given up
const tick = 1_000; // ms between two looks at the clock, at most

// address is that of a path of the service, wherever the page is mounted.
export function address(path) {
  return new URL(`../${path}`, document.baseURI);
}

// authorised adds the key to what fetch is told.
export function authorised(key, options = {}) {
  return {...options, cache: 'no-store', referrerPolicy: 'no-referrer', headers: {Authorization: `Bearer ${key}`}};
}

export class Connection {
  #key;
  #on;
  #socket = null;
  #phase = 'resting';
  #attempts = 0;
  #timer = 0;
  #clock = 0;
  #heard = 0; // when the last frame came
  #used = 0; // when the socket was last of use
  #since = 0; // when it was open
  #pinged = false;
  #silence = heartbeat * 1000;
  #named = false; // the wait that is on was named by the service
  #ended = false;
  #run = 0; // counts the attempts, so that one that was given up is not heard

  // on has frame(frame), phase({phase, refusal, until}) and needed(): whether a
  // socket that drops is to be opened again.
  constructor(key, on) {
    this.#key = key;
    this.#on = on;
    globalThis.addEventListener('online', this.#online);
  }

  get isOpen() { return this.#phase === 'open'; }

  // open has the socket opened, if it is not on its way.
  open() {
    if (this.#ended || this.#phase === 'open' || this.#phase === 'connecting' || this.#phase === 'waiting') return;
    this.#connect();
  }

  // hurry ends a wait that the service did not ask for.
  hurry() {
    if (this.#phase === 'waiting' && !this.#named) this.#connect();
  }

  // send says whether the frame is on its way.
  send(frame) {
    if (!this.isOpen || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#used = Date.now();
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // end closes for good.
  end() {
    this.#ended = true;
    globalThis.removeEventListener('online', this.#online);
    this.#drop();
    this.#say('resting');
  }

  #online = () => this.hurry();

  #say(phase, more = {}) {
    this.#phase = phase;
    this.#on.phase({phase, ...more});
  }

  // drop forgets the socket; what it still says is not heard.
  #drop() {
    this.#run++;
    clearTimeout(this.#timer);
    clearInterval(this.#clock);
    const socket = this.#socket;
    this.#socket = null;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(1000);
  }

  async #connect() {
    this.#drop();
    const run = this.#run;
    this.#say('connecting');
    let ticket;
    try {
      const answer = await fetch(address('ws/ticket'), authorised(this.#key, {method: 'POST', signal: AbortSignal.timeout(ticketTime)}));
      if (!answer.ok) {
        const refusal = await refusalOfAnswer(answer);
        if (run === this.#run) this.#failed(refusal);
        return;
      }
      ({ticket} = await answer.json());
    } catch {
      if (run === this.#run) this.#failed({status: 0, code: 'no_network', message: '', retryAfter: 0});
      return;
    }
    if (run === this.#run) this.#dial(ticket);
  }

  #dial(ticket) {
    const url = address('ws');
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('ticket', ticket);
    const socket = this.#socket = new WebSocket(url);
    socket.onmessage = (event) => { if (socket === this.#socket) this.#read(event.data); };
    socket.onclose = (event) => { if (socket === this.#socket) this.#closed(event.code, event.reason); };
    this.#timer = setTimeout(() => this.#closed(1006, ''), openTime);
  }

  #read(text) {
    this.#heard = Date.now();
    this.#pinged = false;
    let frame;
    try { frame = JSON.parse(text); } catch { return; }
    if (frame.type === 'session.created') this.#opened(frame);
    if (frame.type === 'ping') this.send({type: 'pong'});
    else if (frame.type !== 'pong') {
      this.#used = this.#heard;
      this.#on.frame(frame);
    }
  }

  #opened(frame) {
    clearTimeout(this.#timer);
    this.#since = Date.now();
    const seconds = Number(frame.heartbeat);
    this.#silence = 1000 * (seconds > 0 ? seconds : heartbeat);
    this.#clock = setInterval(() => this.#look(), Math.min(tick, this.#silence / 4));
    this.#say('open');
  }

  // look finds a socket that is dead without having been closed, and gives up one
  // that nobody uses: there are only so many for everyone.
  #look() {
    const now = Date.now(), silent = now - this.#heard;
    if (this.#on.needed()) this.#used = now;
    if (now - this.#used > idleTime) {
      this.#drop();
      this.#say('resting');
    } else if (this.#pinged && silent > this.#silence * 1.5) {
      this.#closed(1006, '');
    } else if (!this.#pinged && silent > this.#silence) {
      this.#pinged = true;
      this.#socket.send('{"type":"ping"}');
    }
  }

  #closed(code, reason) {
    const wasOpen = this.#phase === 'open';
    if (wasOpen && Date.now() - this.#since > steady) this.#attempts = 0;
    const refusal = refusalOfClose(code, reason);
    if (code === 1008 && !wasOpen) {
      this.#failed({...refusal, status: 401});
    } else if (wasOpen && !this.#on.needed()) {
      this.#drop();
      this.#say('resting', {refusal});
    } else {
      this.#failed(refusal);
    }
  }

  // failed waits for the next attempt, or ends where another would fare no better.
  #failed(refusal) {
    this.#drop();
    const {status, code, retryAfter} = refusal;
    if (code === 'close_1009' || (status >= 400 && status < 500 && status !== 408 && status !== 429)) {
      this.#say('refused', {refusal});
      return;
    }
    // Those who were cut off together do not come back together.
    const doubled = Math.min(longestWait, firstWait * 2 ** this.#attempts++);
    const own = doubled * (0.5 + Math.random() / 2);
    const wait = retryAfter > 0 ? retryAfter * 1000 + Math.random() * firstWait : own;
    this.#named = retryAfter > 0;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#say('waiting', {refusal, until: Date.now() + wait});
  }
}
