// Elements from texts. Nothing here takes HTML: what an engine says is not trusted.
"use strict";

/** @import { Kind, State } from "./shapes" */

/**
 * An element with attributes and children; a child that is not a node becomes text.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} attributes
 * @param {(Node | string | number | null)[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(attribute.replace(/^on/, ""), value);
    else if (value === true) made.setAttribute(attribute, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(attribute, String(value));
  }
  made.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/**
 * A name that a user chose: its direction of writing stays its own.
 *
 * @param {string} text
 * @param {Record<string, string>} attributes
 */
export function name(text, attributes = {}) {
  return element("bdi", { class: "dockbook-name", title: text, ...attributes }, text);
}

/**
 * Put text into an element, unless it is there: a screen reader announces only changes.
 *
 * @param {Element} node
 * @param {string | null} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// What each item of a list was made from.
/** @type {WeakMap<Element, string>} */
const told = new WeakMap();

/**
 * Make a list's items those of `rows`. An item with an unchanged row is left alone, so that a link in
 * it keeps the focus.
 *
 * @template Row
 * @param {HTMLElement} list
 * @param {Row[]} rows
 * @param {(row: Row) => string} key
 * @param {(row: Row) => HTMLElement} make
 */
export function show(list, rows, key, make) {
  const items = /** @type {HTMLElement[]} */ ([...list.children]);
  const known = new Map(items.map((item) => [item.dataset.key, item]));
  /** @type {Map<string, number>} */
  const times = new Map();
  rows.forEach((row, at) => {
    const base = key(row);
    const content = JSON.stringify(row);
    // Two with one key are two, and neither is left behind.
    const nth = (times.get(base) ?? 0) + 1;
    times.set(base, nth);
    const id = `${base} ${nth}`;
    let item = known.get(id);
    if (item === undefined || told.get(item) !== content) {
      const fresh = make(row);
      fresh.dataset.key = id;
      told.set(fresh, content);
      if (item !== undefined) replace(item, fresh);
      item = fresh;
    }
    known.delete(id);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  });
  for (const item of known.values()) item.remove();
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
function replace(old, fresh) {
  const focused = buttons(old).findIndex((one) => one === document.activeElement);
  old.replaceWith(fresh);
  if (focused !== -1) buttons(fresh)[focused]?.focus();
}

/**
 * @param {HTMLElement} node
 * @returns {HTMLElement[]}
 */
function buttons(node) {
  return [...node.querySelectorAll(/** @type {"a"} */ ("a, button"))];
}

/**
 * The dot of an engine in this state.
 *
 * @param {State["status"]} status
 * @returns {Kind}
 */
export function colour(status) {
  if (status === "running") return "green";
  return status === "gone" ? "red" : "amber";
}

let identifiers = 0;

/**
 * An id that nothing else in the page has.
 *
 * @param {string} word
 */
export function identifier(word) {
  identifiers += 1;
  return `dockbook-${word}-${identifiers}`;
}

/**
 * `1 container`, `2 containers`.
 *
 * @param {number} number
 * @param {string} thing
 */
export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
