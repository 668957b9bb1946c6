// What every page does with its elements. Text goes in as text, never as HTML.

// element finds what the page must have.
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

// make makes an element.
export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

// makeButton makes a button that does something.
export function makeButton(className, press, ...children) {
  const button = make('button', className, ...children);
  button.type = 'button';
  button.addEventListener('click', press);
  return button;
}

// fill sets a text, unless it is there already: a change is read out.
export function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
