// What went wrong, in plain words, and when to try again. Nothing here touches
// the page.
//
// A refusal is {status, code, message, retryAfter}: retryAfter is in seconds, 0
// where the service named no time. One that was read from an answer has also said, the
// service's own sentence, where message is its detail.

// duration says a number of seconds as people do.
export function duration(seconds) {
  const whole = Math.max(1, Math.ceil(seconds));
  const plural = (n, unit) => `${n} ${unit}${n === 1 ? '' : 's'}`;
  if (whole < 60) return plural(whole, 'second');
  const minutes = Math.floor(whole / 60), rest = whole % 60;
  if (minutes >= 10 || rest === 0) return plural(Math.round(whole / 60), 'minute');
  return `${plural(minutes, 'minute')} ${plural(rest, 'second')}`;
}

// ordinal says a place in a queue.
export function ordinal(n) {
  const tens = n % 100;
  if (tens >= 11 && tens <= 13) return `${n}th`;
  return `${n}${['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'}`;
}

// number reads a wait that may be spelt as a text.
function number(value) {
  const n = Number(value);
  return Number.isFinite(n) && n > 0 ? n : 0;
}

// refusalOfAnswer reads an HTTP answer that is not a 2xx, in either shape of body.
export async function refusalOfAnswer(response) {
  const body = await response.json().catch(() => ({}));
  const inner = body?.error !== null && typeof body?.error === 'object' ? body.error : {};
  const said = typeof body?.error === 'string' ? body.error : '';
  return {
    status: response.status,
    code: String(inner.code ?? body?.code ?? ''),
    message: String(inner.message ?? body?.message ?? said),
    said,
    retryAfter: number(body?.retry_after) || number(response.headers.get('retry-after-ms')) / 1000 || number(response.headers.get('retry-after')),
  };
}

// refusalOfFrame reads an error frame.
export function refusalOfFrame(frame) {
  const inner = frame.error ?? {};
  return {
    status: number(frame.status),
    code: String(inner.code ?? frame.code ?? ''),
    message: String(inner.message ?? frame.message ?? ''),
    retryAfter: number(inner.retry_after) || number(frame.retry_after),
  };
}

// refusalOfClose reads the code by which the service closed a socket.
export function refusalOfClose(code, reason) {
  const wait = /retry_after=(\d+(?:\.\d+)?)/.exec(reason ?? '');
  return {status: 0, code: `close_${code}`, message: '', retryAfter: wait ? number(wait[1]) : 0};
}

const titles = new Map([
  ['blocked_burst', 'Too many requests at once'],
  ['close_1006', 'The connection was lost'],
  ['close_1009', 'That is too long to send'],
  ['close_1012', 'The service is restarting'],
  ['close_1013', 'Every line is taken'],
  ['draining', 'The service is restarting'],
  ['gone', 'The rest of this answer is no longer kept'],
  ['not_begun', 'The connection was lost before the answer began'],
  ['no_network', 'The service cannot be reached'],
  ['too_long', 'This conversation has grown too long to send'],
  ['websocket_stream_limit_reached', 'Too many answers at once'],
]);

function titleOf({status, code}) {
  if (titles.has(code)) return titles.get(code);
  switch (status) {
    case 400: return 'The service could not read that';
    case 401: return 'This key is not known';
    case 403: return 'This key may not do that';
    case 404: return 'There is no such model for this key';
    case 413: return 'That is too long to send';
    case 429: return 'This app has used its share for now';
    case 502: return 'The provider could not answer';
    case 503: return 'The service is busy';
    case 504: return 'The answer took too long';
  }
  return 'The answer failed';
}

const details = new Map([
  ['close_1009', 'Start a new chat, or shorten the message.'],
  ['close_1013', 'As many people are connected as there is room for.'],
  ['gone', 'What had arrived is kept above.'],
  ['not_begun', 'It is not known whether the service had begun, so it was not asked twice.'],
  ['no_network', 'Check your connection.'],
  ['too_long', 'Start a new chat to go on.'],
]);

// explain says a refusal: what happened, and what the service said about it.
export function explain(refusal) {
  const title = titleOf(refusal);
  const said = refusal.message.trim();
  return {title, detail: said !== '' && said !== title ? said : details.get(refusal.code) ?? ''};
}

// sentences says a refusal in one text.
export function sentences(refusal) {
  const {title, detail} = explain(refusal);
  const when = refusal.retryAfter > 0 ? ` Try again in ${duration(refusal.retryAfter)}.` : '';
  return `${title}.${detail === '' ? '' : ` ${detail}`}${when}`;
}

// whyIncomplete says why an answer ended before its end.
export function whyIncomplete(reason) {
  switch (reason) {
    case 'max_output_tokens':
    case 'max_tokens': return 'The answer reached its length limit.';
    case 'content_filter': return 'The provider withheld the rest of this answer.';
  }
  return 'The answer ended early.';
}
