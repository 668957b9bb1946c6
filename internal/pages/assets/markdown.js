// A small part of Markdown, made of DOM nodes: no text is ever read as HTML.
//
// There are paragraphs, headings, lists, quotes, rules, tables, fenced code, and
// within a line code, bold, italic and links to http and https. Whatever else
// there is stays as it was written. Images become links: nothing is loaded
// because a model said so.
//
// Blocks are kept by their source: of an answer that grows only the last one is
// made again.

const longestInline = 12_000; // characters; a longer block is shown as it is
const farthest = 1_500; // characters within which an emphasis must end
const longestMark = 1_000; // characters of a line that may begin anything but text
const deepest = 6; // levels of what stands within another

// Document shows a text in an element, again and again as the text grows.
export class Document {
  #root;
  #copy;
  #shown = []; // {source, node}

  // copy(text, button) is called for a code block's button.
  constructor(root, copy) {
    this.#root = root;
    this.#copy = copy;
  }

  show(text) {
    const sources = blocksOf(text);
    let same = 0;
    while (same < sources.length && this.#shown[same]?.source === sources[same]) same++;
    for (const {node} of this.#shown.splice(same)) node.remove();
    for (const source of sources.slice(same)) {
      const node = this.#block(source);
      this.#shown.push({source, node});
      this.#root.append(node);
    }
  }

  #block(source) {
    const first = source.split('\n', 1)[0], fence = first.length <= longestMark ? opening.exec(first) : null;
    return fence ? this.#code(source, fence) : blockOf(source);
  }

  #code(source, fence) {
    const lines = source.split('\n').slice(1);
    if (lines.length > 0 && closes(lines.at(-1), fence[2])) lines.pop();
    const text = lines.map((line) => line.startsWith(fence[1]) ? line.slice(fence[1].length) : line).join('\n');
    const language = fence[3].trim().split(/\s/)[0].slice(0, 30);
    const button = make('button', 'Copy');
    button.type = 'button';
    button.className = 'copy';
    button.setAttribute('aria-label', 'Copy code');
    button.addEventListener('click', () => this.#copy(text, button));
    const head = make('figcaption', make('span', language || 'code'), button);
    const pre = make('pre', make('code', text));
    pre.tabIndex = 0; // so that the keyboard can scroll it
    const figure = make('figure', head, pre);
    figure.className = 'code';
    return figure;
  }
}

function make(tag, ...children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}

// closes says whether a line ends the code that a fence began.
function closes(line, fence) {
  const trimmed = line.trim();
  return trimmed.length >= fence.length && trimmed === fence[0].repeat(trimmed.length);
}

// A fence may be set in, as those within lists are: space, marks, language.
const opening = /^([ \t]{0,12})(`{3,}(?![^\n]*`)|~{3,})([^\n]*)/;
const item = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const row = /^\s*\|.*\|\s*$/;

// kindOf says what kind of block a line begins.
function kindOf(line) {
  if (line.length > longestMark && !item.test(line)) return 'text';
  if (heading.test(line)) return 'heading';
  if (rule.test(line)) return 'rule';
  if (item.test(line)) return 'list';
  if (/^ {0,3}>/.test(line)) return 'quote';
  if (row.test(line)) return 'table';
  return 'text';
}

// blocksOf cuts a text into the sources of its blocks.
function blocksOf(text) {
  const blocks = [];
  let lines = [], kind = '', fence = '', blank = false;
  const end = () => {
    if (lines.length > 0) blocks.push(lines.join('\n'));
    [lines, kind, fence] = [[], '', ''];
  };
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    if (fence !== '') {
      lines.push(line);
      if (closes(line, fence)) end();
      continue;
    }
    const opens = line.length <= longestMark ? opening.exec(line) : null;
    if (opens) {
      end();
      [lines, kind, fence, blank] = [[line], 'code', opens[2], false];
      continue;
    }
    if (line.trim() === '') {
      // A list goes on after an empty line, if another item follows.
      if (kind !== 'list') end();
      blank = true;
      continue;
    }
    const next = kindOf(line);
    const goesOn = kind === next ? kind !== 'heading' && kind !== 'rule' : next === 'text' && kind !== '' && goesInto(kind, line, blank);
    if (!goesOn) end();
    if (lines.length === 0) kind = next;
    lines.push(line);
    blank = false;
  }
  end();
  return blocks;
}

// goesInto says whether a line of text belongs to the block before it.
function goesInto(kind, line, blank) {
  if (kind === 'list') return /^\s{2,}/.test(line) || !blank;
  return kind === 'quote' && !blank;
}

function blockOf(source) {
  switch (kindOf(source.split('\n', 1)[0])) {
    case 'heading': {
      const [, marks, text] = heading.exec(source.split('\n', 1)[0]);
      return make(marks.length <= 2 ? 'h3' : 'h4', ...inline(text));
    }
    case 'rule': return make('hr');
    case 'list': return listOf(source.split('\n'));
    case 'quote': {
      const inner = source.replace(/^ {0,3}> ?/gm, '');
      return make('blockquote', ...blocksOf(inner).map((block) => make('p', ...inline(block))));
    }
    case 'table': return tableOf(source.split('\n'));
  }
  return make('p', ...inline(source.split('\n').map((line) => line.trim()).join('\n')));
}

// listOf makes lists within lists, by how far their items are set in.
function listOf(lines) {
  const open = []; // {indent, list}, the outermost first
  let root = null;
  for (const line of lines) {
    const found = item.exec(line);
    if (!found) {
      open.at(-1)?.list.lastElementChild.append('\n', ...inline(line.trim()));
      continue;
    }
    const indent = found[1].replaceAll('\t', '    ').length, ordered = /\d/.test(found[2][0]);
    while (open.length > 1 && indent < open.at(-1).indent) open.pop();
    if (open.length === 0 || (indent > open.at(-1).indent + 1 && open.length < deepest)) {
      const list = make(ordered ? 'ol' : 'ul');
      if (ordered) list.start = Number.parseInt(found[2], 10);
      if (open.length > 0) open.at(-1).list.lastElementChild.append(list);
      open.push({indent, list});
      root ??= list;
    }
    open.at(-1).list.append(make('li', ...inline(found[3])));
  }
  return root;
}

function tableOf(lines) {
  const cells = (line) => line.trim().slice(1, -1).split('|').map((cell) => cell.trim());
  const isRule = (line) => cells(line).every((cell) => /^:?-+:?$/.test(cell));
  if (lines.length < 2 || !isRule(lines[1])) return make('p', ...inline(lines.join('\n')));
  const line = (tag, text) => make('tr', ...cells(text).map((cell) => make(tag, ...inline(cell))));
  const table = make('table', make('thead', line('th', lines[0])), make('tbody', ...lines.slice(2).map((text) => line('td', text))));
  const frame = make('div', table);
  frame.className = 'table';
  frame.tabIndex = 0;
  return frame;
}

// inline makes the nodes of a text within a block.
function inline(text, depth = 0) {
  if (text.length > longestInline || depth > deepest) return [text];
  const nodes = [];
  let plain = '', at = 0;
  while (at < text.length) {
    const found = special(text, at, depth);
    if (found === null) {
      plain += text[at++];
      continue;
    }
    if (typeof found.node === 'string') {
      plain += found.node;
    } else {
      if (plain !== '') nodes.push(plain);
      plain = '';
      nodes.push(found.node);
    }
    at = found.end;
  }
  if (plain !== '') nodes.push(plain);
  return nodes;
}

// special reads what begins at a character that means something, or returns null.
function special(text, at, depth) {
  switch (text[at]) {
    case '\\': return /[\\`*_[\]()#+\-.!>|~]/.test(text[at + 1] ?? '') ? {node: text[at + 1], end: at + 2} : null;
    case '`': return codeAt(text, at);
    case '*':
    case '_': return emphasisAt(text, at, depth);
    case '!': return text[at + 1] === '[' ? linkAt(text, at + 1, depth) : null;
    case '[': return linkAt(text, at, depth);
    case 'h': return bareLinkAt(text, at);
  }
  return null;
}

function codeAt(text, at) {
  let ticks = 1;
  while (text[at + ticks] === '`') ticks++;
  const fence = '`'.repeat(ticks);
  const end = text.slice(at + ticks, at + ticks + farthest).indexOf(fence);
  // Ticks that nothing ends are read once, not once for each of them.
  if (end < 0) return {node: fence, end: at + ticks};
  const inner = text.slice(at + ticks, at + ticks + end);
  return {node: make('code', inner.trim() === '' ? inner : inner.replace(/^ (.*) $/s, '$1')), end: at + 2 * ticks + end};
}

function emphasisAt(text, at, depth) {
  const mark = text[at], twice = text[at + 1] === mark, marks = twice ? mark + mark : mark;
  const start = at + marks.length;
  const isWord = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);
  if (/\s/.test(text[start] ?? ' ') || text[start] === mark) return twice ? {node: marks, end: start} : null;
  if (mark === '_' && isWord(text[at - 1])) return null;
  const within = text.slice(start, start + farthest);
  for (let end = within.indexOf(marks); end >= 0; end = within.indexOf(marks, end + 1)) {
    if (/\s/.test(within[end - 1] ?? ' ')) continue;
    if (!twice && (within[end + 1] === mark || within[end - 1] === mark)) continue; // a part of a double mark
    if (mark === '_' && isWord(within[end + marks.length])) continue;
    return {node: make(twice ? 'strong' : 'em', ...inline(within.slice(0, end), depth + 1)), end: start + end + marks.length};
  }
  return twice ? {node: marks, end: start} : null;
}

function linkAt(text, at, depth) {
  const found = /^\[([^[\]\n]{1,500})\]\(<?([^\s()<>]{1,2000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,500})?)>?(?:\s+"[^"\n]{0,300}")?\)/.exec(text.slice(at, at + 3_400));
  if (!found) return null;
  const link = linkTo(found[2], inline(found[1], depth + 1));
  return link && {node: link, end: at + found[0].length};
}

function bareLinkAt(text, at) {
  if (/[\p{L}\p{N}]/u.test(text[at - 1] ?? '')) return null;
  const found = /^https?:\/\/[^\s<>"'`[\]{}|\\^]{3,1000}/.exec(text.slice(at, at + 1_010));
  if (!found) return null;
  let url = found[0].replace(/[.,:;!?*_]+$/, '');
  if (url.endsWith(')') && !url.includes('(')) url = url.slice(0, -1);
  const link = linkTo(url, [url]);
  return link && {node: link, end: at + url.length};
}

// linkTo makes a link, or null if it would lead to anything but a web page.
function linkTo(href, children) {
  let url;
  try { url = new URL(href); } catch { return null; }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  const link = make('a', ...children);
  link.href = url.href;
  link.title = url.href; // where it really leads
  link.rel = 'noopener noreferrer nofollow';
  link.target = '_blank';
  return link;
}
