// The start page: the chapters and your progress, the next thing to do, the engine, short help.
"use strict";

import { colour, count, element, identifier, name, say } from "./dom.js";

/**
 * @import { Chapter, Container, NextStep, Page, Port } from "./shapes"
 * @import { Feed } from "./feed.js"
 */

/** @param {string} iso */
function when(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? iso
    : at.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** The start page in an element. `open(path)` opens a notebook, `run(command)` runs one of JupyterLab's. */
export class Start {
  #open;
  #run;
  #link;
  #told = "";
  #ports = "";

  /** @param {{ open: (path: string) => void, run: (command: string) => void, link: (path: string) => string }} ways */
  constructor({ open, run, link }) {
    this.#open = open;
    this.#run = run;
    this.#link = link;
    const title = identifier("start");
    this.lead = element("p", { class: "dockbook-lead" });
    this.next = element("section", { class: "dockbook-next", "aria-label": "What is next" });
    this.total = element("span", { class: "dockbook-quiet" });
    this.list = element("ol", { class: "dockbook-chapters" });
    this.help = element("dl", { class: "dockbook-help" });
    this.trouble = element("p", { class: "dockbook-bad", role: "status", hidden: true });
    this.dot = element("span", { class: "dockbook-dot", "aria-hidden": "true" });
    this.engine = element("span", {});
    this.held = element("p", { hidden: true });
    this.about = element("p", { class: "dockbook-quiet" });
    this.ports = element("ul", { class: "dockbook-ports", "aria-label": "published ports" });
    const [chapters, engine, help] = ["chapters", "engine", "help"].map(identifier);
    this.node = element(
      "div",
      { class: "dockbook-start", tabindex: "0", role: "region", "aria-labelledby": title },
      element(
        "div",
        { class: "dockbook-sheet" },
        element("header", {}, element("h1", { id: title }, "Learn Docker by doing"), this.lead),
        this.trouble,
        this.next,
        element(
          "div",
          { class: "dockbook-columns" },
          element(
            "section",
            { "aria-labelledby": chapters },
            element("div", { class: "dockbook-heading" }, element("h2", { id: chapters }, "Chapters"), this.total),
            this.list,
            element("p", { class: "dockbook-quiet" }, "This counts saved work. Ctrl+S saves at once; JupyterLab also saves every half minute. It is not your grade."),
          ),
          element(
            "div",
            { class: "dockbook-side" },
            element(
              "section",
              { "aria-labelledby": engine },
              element("h2", { id: engine }, "Your engine"),
              element("p", { class: "dockbook-engine" }, this.dot, this.engine),
              this.held,
              this.about,
              this.ports,
              element(
                "button",
                { class: "dockbook-button", type: "button", onclick: () => this.#run("dockbook:panel") },
                "Watch it live",
              ),
            ),
            element(
              "section",
              { "aria-labelledby": help },
              element("h2", { id: help }, "Good to know"),
              this.help,
              element(
                "button",
                { class: "dockbook-button", type: "button", onclick: () => this.#run("terminal:create-new") },
                "Open a terminal",
              ),
            ),
          ),
        ),
      ),
    );
  }

  /**
   * Show what `GET dockbook/start` said.
   *
   * @param {Page} page
   */
  update(page) {
    this.trouble.hidden = true;
    // Only what differs: a link that has the focus keeps it while the page is asked for again.
    const told = JSON.stringify(page);
    if (told === this.#told) return;
    this.#told = told;
    say(
      this.lead,
      `${count(page.chapters.length, "chapter")}, each a notebook with tasks that check themselves on a real Docker Engine.`,
    );
    say(this.total, `${page.passed} of ${count(page.tasks, "task")} done`);
    this.#showNext(page);
    this.list.replaceChildren(...page.chapters.map((one) => this.#chapter(one, page.next)));
    this.about.textContent = page.engine.about;
    this.help.replaceChildren(
      ...page.help.flatMap((one) => [
        element("dt", {}, one.title),
        element("dd", {}, one.text, element("code", {}, one.command)),
      ]),
    );
  }

  /**
   * Say why there is nothing to show.
   *
   * @param {string} message
   */
  fail(message) {
    this.trouble.hidden = false;
    say(this.trouble, message);
  }

  /**
   * Show the engine's state.
   *
   * @param {Feed} feed
   */
  listen(feed) {
    return feed.listen(({ status, words, version, containers }) => {
      this.dot.dataset.kind = colour(status);
      say(this.engine, status === "running" ? `Docker Engine ${version} is running` : words);
      this.held.hidden = !containers?.total;
      say(this.held, containers ? `${containers.running} of ${count(containers.total, "container")} running` : "");
      const ports = (containers?.rows ?? []).flatMap((box) => box.ports.map((published) => ({ box, port: published }))).slice(0, 6);
      this.ports.hidden = ports.length === 0;
      const told = JSON.stringify(ports.map(({ box, port }) => [box.name, port]));
      if (told === this.#ports) return;
      this.#ports = told;
      this.ports.replaceChildren(...ports.map(({ box, port }) => this.#port(box, port)));
    });
  }

  /**
   * @param {Container} box
   * @param {Port} port
   */
  #port(box, port) {
    const label = `${port.host}, container ${box.name}; opens in a new tab`;
    const host = port.url
      ? element("a", { href: port.url, target: "_blank", rel: "noopener noreferrer", "aria-label": label }, port.host)
      : port.host;
    const taken = port.taken ? " (used by another program on your machine)" : "";
    return element("li", {}, host, element("span", { class: "dockbook-quiet" }, " ", name(box.name), taken));
  }

  /** @param {Page} page */
  #showNext(page) {
    const { next } = page;
    if (next === null) {
      this.next.replaceChildren(element("p", {}, "All tasks are done and submitted. Well done!"));
      return;
    }
    const chapter = page.chapters.find((one) => one.id === next.chapter);
    const words = element("p", {}, next.text);
    if (next.do === "repair" || chapter === undefined) {
      this.next.replaceChildren(words);
      return;
    }
    const title = element("p", { class: "dockbook-goal" }, chapter.number ? `${chapter.number}. ${chapter.title}` : chapter.title);
    if (next.do === "submit") {
      title.append(element("code", {}, next.command ?? ""));
      this.next.replaceChildren(element("div", {}, words, title));
      return;
    }
    const go = this.#linkTo(chapter, next.do === "begin" ? "Begin" : "Continue", "dockbook-button dockbook-main");
    go.setAttribute("aria-label", `${go.textContent}: ${chapter.title}`);
    this.next.replaceChildren(element("div", {}, words, title), go);
  }

  /**
   * @param {Chapter} chapter
   * @param {string} text
   * @param {string} kind
   */
  #linkTo(chapter, text, kind) {
    return element(
      "a",
      {
        class: kind,
        href: this.#link(chapter.path),
        onclick: (/** @type {MouseEvent} */ event) => {
          // With a key held, the browser opens it as it likes: another tab, another window.
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
          event.preventDefault();
          this.#open(chapter.path);
        },
      },
      text,
    );
  }

  /**
   * @param {Chapter} one
   * @param {NextStep | null} next
   */
  #chapter(one, next) {
    const opens = one.stage !== "missing";
    const title = opens ? this.#linkTo(one, one.title, "dockbook-title") : element("span", { class: "dockbook-title" }, one.title);
    const made = element(
      "li",
      { class: "dockbook-chapter", "data-stage": one.stage, "data-chapter": one.id, "data-next": one.id === next?.chapter },
      element("span", { class: "dockbook-number", "aria-hidden": "true" }, one.stage === "done" ? "✓" : one.number || "·"),
      element("div", { class: "dockbook-about" }, title, element("p", {}, one.about)),
    );
    const state = element("div", { class: "dockbook-progress" }, element("span", { class: "dockbook-words" }, one.words));
    if (one.tasks) {
      const share = Math.round((100 * one.passed) / one.tasks);
      // The text next to it says the same.
      const filled = element("span", {});
      filled.style.width = `${share}%`;
      state.append(element("span", { class: "dockbook-bar", "aria-hidden": "true" }, filled));
    }
    if (one.submitted) {
      const changed = one.changed ? ", changed since" : "";
      state.append(element("span", { class: "dockbook-quiet" }, `submitted ${when(one.submitted)}${changed}`));
    }
    for (const file of one.other_notebooks) state.append(element("span", { class: "dockbook-quiet" }, "next to it: ", name(file)));
    made.append(state);
    return made;
  }
}
