// The live panel: what the engine holds, as it changes. It is read-only.
"use strict";

import { count, element, identifier, name, say, show } from "./dom.js";

const SPOKEN_EVERY_MS = 4000;

function dot(kind) {
  return element("span", { class: "dockbook-dot", "data-kind": kind, "aria-hidden": "true" });
}

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

const PARTS = {
  containers: {
    title: "Containers",
    make: container,
    key: (one) => one.id,
    empty: "No containers yet. Run a cell with docker run, and its container appears here.",
    total: ({ total, running }) => (total ? `${running} of ${total} running` : ""),
  },
  events: {
    title: "Last events",
    make: event,
    key: (one) => one.key,
    empty: "Nothing yet.",
    total: () => "newest first",
  },
  networks: { title: "Networks", make: network, key: (one) => one.id, empty: "None.", total: ({ total }) => String(total) },
  images: { title: "Images", make: image, key: (one) => one.id, empty: "None.", total: ({ total }) => String(total), closed: true },
};

class Part {
  constructor({ title, make, key, empty, total, closed }) {
    Object.assign(this, { make, key, total });
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

  update(listed) {
    const { rows, total } = listed;
    show(this.list, rows, this.key, this.make);
    say(this.count, this.total(listed));
    this.list.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.more.hidden = total <= rows.length;
    say(this.more, `and ${total - rows.length} more`);
  }
}

/** What the engine holds, in an element; `listen(feed)` keeps it current. */
export class Panel {
  constructor() {
    this.parts = Object.fromEntries(Object.entries(PARTS).map(([key, part]) => [key, new Part(part)]));
    this.dot = dot("grey");
    this.words = element("span", {});
    this.retry = element("button", { class: "dockbook-button", type: "button", hidden: true }, "Look again");
    this.spoken = element("div", { class: "dockbook-unseen", role: "status", "aria-live": "polite" });
    const title = identifier("panel");
    this.node = element(
      "section",
      { class: "dockbook-panel", "aria-labelledby": title, tabindex: "0" },
      element("h2", { id: title }, "Docker, live"),
      element("p", { class: "dockbook-engine" }, this.dot, this.words),
      this.retry,
      ...Object.values(this.parts).map((part) => part.node),
      this.spoken,
    );
    this._newest = null;
    this._said = 0;
    this._timer = 0;
  }

  listen(feed) {
    this.retry.onclick = () => feed.again();
    return feed.listen((state) => this.update(state));
  }

  update(state) {
    const { status, words, version, events } = state;
    const runs = status === "running";
    this.dot.dataset.kind = { running: "green", gone: "red" }[status] ?? "amber";
    say(this.words, runs ? `Docker Engine ${version} is running` : words);
    this.retry.hidden = status !== "gone";
    this.node.dataset.status = status;
    for (const [key, part] of Object.entries(this.parts)) {
      if (key === "events") part.update({ rows: numbered(events), total: events.length });
      else if (runs) part.update(state[key]);
      part.node.hidden = !runs && key !== "events";
    }
    this._speak(runs ? events[0] : { who: "Engine", what: words });
  }

  // A few words every few seconds at most, however much happens: it is read aloud.
  _speak(newest) {
    const told = newest ? `${newest.who}: ${newest.what}` : null;
    const first = this._newest === null;
    if (told === null || told === this._newest) return;
    this._newest = told;
    if (first || this._timer) return;
    const wait = Math.max(0, this._said + SPOKEN_EVERY_MS - Date.now());
    this._timer = window.setTimeout(() => {
      this._timer = 0;
      this._said = Date.now();
      say(this.spoken, this._newest);
    }, wait);
  }
}

// The same event may come twice: each gets a key that the next update gives it again.
function numbered(events) {
  const seen = new Map();
  return [...events]
    .reverse()
    .map((one) => {
      const base = `${one.at} ${one.who} ${one.what}`;
      const times = (seen.get(base) ?? 0) + 1;
      seen.set(base, times);
      return { ...one, key: `${base} ${times}` };
    })
    .reverse();
}
