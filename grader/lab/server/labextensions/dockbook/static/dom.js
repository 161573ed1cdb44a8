// Elements from texts. Nothing here takes HTML: what an engine says is not trusted.
"use strict";

/** An element with attributes and children; a child that is not a node becomes text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A name that a user chose: its direction of writing stays its own. */
export function name(text, attributes = {}) {
  return element("bdi", { class: "dockbook-name", title: text, ...attributes }, text);
}

/** Put text into an element, unless it is there: a screen reader announces only changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Make a list's items those of `rows`. An item with an unchanged row is left alone, so that a link in
 * it keeps the focus.
 */
export function show(list, rows, key, make) {
  const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const times = new Map();
  rows.forEach((row, at) => {
    const [base, told] = [String(key(row)), JSON.stringify(row)];
    // Two with one key are two, and neither is left behind.
    const nth = (times.get(base) ?? 0) + 1;
    times.set(base, nth);
    const id = `${base} ${nth}`;
    let item = known.get(id);
    if (item === undefined || item.dockbookTold !== told) {
      const fresh = make(row);
      fresh.dataset.key = id;
      fresh.dockbookTold = told;
      if (item !== undefined) replace(item, fresh);
      item = fresh;
    }
    known.delete(id);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  });
  for (const item of known.values()) item.remove();
}

function replace(old, fresh) {
  const links = [...old.querySelectorAll("a, button")];
  const focused = links.indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll("a, button")[focused]?.focus();
}

let identifiers = 0;

/** An id that nothing else in the page has. */
export function identifier(word) {
  identifiers += 1;
  return `dockbook-${word}-${identifiers}`;
}

/** `1 container`, `2 containers`. */
export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
