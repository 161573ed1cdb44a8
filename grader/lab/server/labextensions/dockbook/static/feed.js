// The engine's state as the lab's server tells it: one connection for all that show it, while any does.
"use strict";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** @import { Settings, State } from "./shapes" */

/** Follows the engine's state while anything listens. */
export class Feed {
  #settings;
  /** @type {Set<(state: State) => void>} */
  #listeners = new Set();
  /** @type {WebSocket | null} */
  #socket = null;
  #wait = FIRST_WAIT_MS;
  #timer = 0;
  #painted = 0;
  /** @type {State} */
  state = { status: "looking", words: "Looking for the engine.", events: [] };

  /** @param {Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /**
   * Call `listener(state)` with what is known and with each change; what is returned ends that.
   *
   * @param {(state: State) => void} listener
   */
  listen(listener) {
    this.#listeners.add(listener);
    listener(this.state);
    if (this.#socket === null && this.#timer === 0) this.#connect();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#hangUp();
    };
  }

  /** Ask the server to look for an engine that it gave up. */
  again() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send("again");
  }

  #connect() {
    this.#timer = 0;
    const { wsUrl, token, appendToken } = this.#settings;
    const url = new URL("dockbook/watch", wsUrl);
    if (appendToken && token) url.searchParams.set("token", token);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("message", (message) => {
      this.#wait = FIRST_WAIT_MS;
      this.state = JSON.parse(message.data);
      this.#paint();
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.state = { status: "waiting", words: "JupyterLab's server does not answer.", events: [] };
      this.#paint();
      this.#timer = window.setTimeout(() => this.#connect(), this.#wait);
      this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
    });
  }

  #hangUp() {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // Once a frame at most, and not at all in a hidden tab.
  #paint() {
    if (this.#painted) return;
    this.#painted = window.requestAnimationFrame(() => {
      this.#painted = 0;
      for (const listener of this.#listeners) listener(this.state);
    });
  }
}
