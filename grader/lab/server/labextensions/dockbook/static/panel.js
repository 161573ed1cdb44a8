// The live panel: what the engine holds, as it changes. It is read-only.
"use strict";

import { colour, count, element, identifier, name, say, show } from "./dom.js";

/**
 * @import { Container, Event, Image, Kind, Listed, Network, Port, State } from "./shapes"
 * @import { Feed } from "./feed.js"
 */

const SPOKEN_EVERY_MS = 4000;

/** @param {Kind} kind */
function dot(kind) {
  return element("span", { class: "dockbook-dot", "data-kind": kind, "aria-hidden": "true" });
}

/** @param {Port} one */
function port(one) {
  const made = element("li", { class: "dockbook-port" });
  if (one.url) {
    const about = `${one.host}, leads to ${one.inside}; opens in a new tab`;
    made.append(
      element("a", { href: one.url, target: "_blank", rel: "noopener noreferrer", "aria-label": about }, one.host),
    );
  } else made.append(one.host);
  made.append(element("span", { class: "dockbook-quiet" }, ` → ${one.inside}`));
  if (one.taken) made.append(element("span", { class: "dockbook-bad" }, "Another program on your machine uses this port."));
  return made;
}

/** @param {Container} one */
function container(one) {
  const made = element(
    "li",
    { class: "dockbook-item", "data-kind": one.kind },
    element(
      "div",
      { class: "dockbook-line" },
      name(one.name, { class: "dockbook-name dockbook-strong" }),
      element("span", { class: "dockbook-state", "data-kind": one.kind }, dot(one.kind), one.state),
    ),
    element("div", { class: "dockbook-quiet" }, "image ", name(one.image)),
  );
  if (one.meaning) made.append(element("div", {}, one.meaning));
  if (one.ports.length) {
    const ports = element("ul", { class: "dockbook-ports", "aria-label": "ports" }, ...one.ports.map(port));
    if (one.more_ports) ports.append(element("li", {}, `and ${count(one.more_ports, "more port")}`));
    made.append(ports);
  }
  if (one.networks.length) {
    const listed = one.networks.flatMap((each) => [", ", name(each)]).slice(1);
    made.append(element("div", { class: "dockbook-quiet" }, `network${one.networks.length > 1 ? "s" : ""} `, ...listed));
  }
  return made;
}

/** @param {Image} one */
function image(one) {
  const tags = one.tags.length ? one.tags : ["no tag"];
  return element(
    "li",
    { class: "dockbook-item" },
    element(
      "div",
      { class: "dockbook-line" },
      element("div", {}, ...tags.map((tag) => element("div", {}, name(tag, { class: "dockbook-name dockbook-strong" })))),
      element("span", { class: "dockbook-quiet" }, one.size),
    ),
  );
}

/** @param {Network} one */
function network(one) {
  const about = [one.driver, ...one.subnets, ...(one.internal ? ["no way out"] : [])].join(", ");
  const made = element(
    "li",
    { class: "dockbook-item" },
    element(
      "div",
      { class: "dockbook-line" },
      name(one.name, { class: "dockbook-name dockbook-strong" }),
      element("span", { class: "dockbook-quiet" }, about),
    ),
  );
  if (one.inside.length) {
    const listed = one.inside.flatMap((each) => [", ", name(each)]).slice(1);
    made.append(element("div", {}, "in it: ", ...listed, one.more_inside ? ` and ${one.more_inside} more` : ""));
  }
  return made;
}

/** @param {Event} one */
function event(one) {
  const at = new Date(1000 * one.at);
  const made = element(
    "li",
    { class: "dockbook-event" },
    element("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hourCycle: "h23" })),
    dot(one.kind),
    element("span", {}, name(one.who, { class: "dockbook-name dockbook-strong" }), `: ${one.what}`),
  );
  if (one.times > 1) made.append(element("span", { class: "dockbook-quiet" }, `× ${one.times}`));
  return made;
}

/**
 * A list with a heading. `make` shows a row, `key` tells rows apart, `total` is the text next to the heading.
 *
 * @template Row
 * @template {Listed<Row>} List
 */
class Part {
  #make;
  #key;
  #total;

  /**
   * @param {string} title
   * @param {(row: Row) => HTMLElement} make
   * @param {(row: Row) => string} key
   * @param {(list: List) => string} total
   * @param {{ empty?: string, closed?: boolean }} options
   */
  constructor(title, make, key, total, { empty = "None.", closed = false } = {}) {
    this.#make = make;
    this.#key = key;
    this.#total = total;
    this.list = element("ul", { class: "dockbook-list" });
    this.count = element("span", { class: "dockbook-quiet" });
    this.empty = element("p", { class: "dockbook-quiet" }, empty);
    this.more = element("p", { class: "dockbook-quiet", hidden: true });
    const heading = element("h3", {}, title);
    this.node = element(
      "details",
      { class: "dockbook-part", open: !closed },
      element("summary", {}, heading, this.count),
      this.list,
      this.empty,
      this.more,
    );
  }

  /** @param {List} listed */
  update(listed) {
    const { rows, total } = listed;
    show(this.list, rows, this.#key, this.#make);
    say(this.count, this.#total(listed));
    this.list.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.more.hidden = total <= rows.length;
    say(this.more, `and ${total - rows.length} more`);
  }
}

/** What the engine holds, in an element; `listen(feed)` keeps it current. */
export class Panel {
  /** @type {Part<Container, Listed<Container> & { running: number }>} */
  #containers = new Part(
    "Containers",
    container,
    (one) => one.id,
    ({ total, running }) => (total ? `${running} of ${total} running` : ""),
    { empty: "No containers yet. Run a cell with docker run, and its container appears here." },
  );
  /** @type {Part<Event & { key: string }, Listed<Event & { key: string }>>} */
  #events = new Part(
    "Last events",
    event,
    (/** @type {Event & { key: string }} */ one) => one.key,
    () => "newest first",
    { empty: "Nothing yet." },
  );
  /** @type {Part<Network, Listed<Network>>} */
  #networks = new Part("Networks", network, (one) => one.id, ({ total }) => String(total));
  /** @type {Part<Image, Listed<Image>>} */
  #images = new Part("Images", image, (one) => one.id, ({ total }) => String(total), { closed: true });
  /** @type {Feed | null} */
  #feed = null;
  /** @type {string | null} */
  #newest = null;
  #said = 0;
  #timer = 0;

  constructor() {
    const parts = [this.#containers, this.#events, this.#networks, this.#images];
    this.dot = dot("grey");
    this.words = element("span", {});
    this.retry = element("button", { class: "dockbook-button", type: "button", hidden: true, onclick: () => this.#feed?.again() }, "Look again");
    this.spoken = element("div", { class: "dockbook-unseen", role: "status", "aria-live": "polite" });
    const title = identifier("panel");
    this.node = element(
      "section",
      { class: "dockbook-panel", "aria-labelledby": title, tabindex: "0" },
      element("h2", { id: title }, "Docker, live"),
      element("p", { class: "dockbook-engine" }, this.dot, this.words),
      this.retry,
      ...parts.map((part) => part.node),
      this.spoken,
    );
  }

  /** @param {Feed} feed */
  listen(feed) {
    this.#feed = feed;
    return feed.listen((state) => this.update(state));
  }

  /** @param {State} state */
  update(state) {
    const { status, words, version, events, containers, networks, images } = state;
    const runs = status === "running";
    this.dot.dataset.kind = colour(status);
    say(this.words, runs ? `Docker Engine ${version} is running` : words);
    this.retry.hidden = status !== "gone";
    this.node.dataset.status = status;
    this.#events.update({ rows: numbered(events), total: events.length });
    if (containers) this.#containers.update(containers);
    if (networks) this.#networks.update(networks);
    if (images) this.#images.update(images);
    for (const part of [this.#containers, this.#networks, this.#images]) part.node.hidden = !runs;
    this.#speak(runs ? events[0] : { who: "Engine", what: words });
  }

  /**
   * A few words every few seconds at most, however much happens: it is read aloud.
   *
   * @param {{ who: string, what: string } | undefined} newest
   */
  #speak(newest) {
    const told = newest ? `${newest.who}: ${newest.what}` : null;
    const first = this.#newest === null;
    if (told === null || told === this.#newest) return;
    this.#newest = told;
    if (first || this.#timer) return;
    const wait = Math.max(0, this.#said + SPOKEN_EVERY_MS - Date.now());
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#said = Date.now();
      say(this.spoken, this.#newest);
    }, wait);
  }
}

/**
 * The same event may come twice: each gets a key that the next update gives it again.
 *
 * @param {Event[]} events
 */
function numbered(events) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  const found = [];
  for (const one of events.toReversed()) {
    const base = `${one.at} ${one.who} ${one.what}`;
    const times = (seen.get(base) ?? 0) + 1;
    seen.set(base, times);
    found.push({ ...one, key: `${base} ${times}` });
  }
  return found.toReversed();
}
