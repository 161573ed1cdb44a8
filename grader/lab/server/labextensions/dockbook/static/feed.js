// The engine's state as the lab's server tells it: one connection for all that show it, while any does.
"use strict";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export class Feed {
  constructor(settings) {
    this._settings = settings;
    this._listeners = new Set();
    this._socket = null;
    this._wait = FIRST_WAIT_MS;
    this._timer = 0;
    this._painted = 0;
    this.state = { status: "looking", words: "Looking for the engine.", events: [] };
  }

  /** Call `listener(state)` with what is known and with each change; what is returned ends that. */
  listen(listener) {
    this._listeners.add(listener);
    listener(this.state);
    if (this._socket === null && this._timer === 0) this._connect();
    return () => {
      this._listeners.delete(listener);
      if (this._listeners.size === 0) this._hangUp();
    };
  }

  /** Ask the server to look for an engine that it gave up. */
  again() {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send("again");
  }

  _connect() {
    this._timer = 0;
    const { wsUrl, token, appendToken } = this._settings;
    const url = new URL("dockbook/watch", wsUrl);
    if (appendToken && token) url.searchParams.set("token", token);
    const socket = new WebSocket(url);
    this._socket = socket;
    socket.onmessage = (message) => {
      this._wait = FIRST_WAIT_MS;
      this.state = JSON.parse(message.data);
      this._paint();
    };
    socket.onclose = () => {
      if (this._socket !== socket) return;
      this._socket = null;
      this.state = { status: "waiting", words: "JupyterLab's server does not answer.", events: [] };
      this._paint();
      this._timer = window.setTimeout(() => this._connect(), this._wait);
      this._wait = Math.min(2 * this._wait, LONGEST_WAIT_MS);
    };
  }

  _hangUp() {
    window.clearTimeout(this._timer);
    this._timer = 0;
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  // Once a frame at most, and not at all in a hidden tab.
  _paint() {
    if (this._painted) return;
    this._painted = window.requestAnimationFrame(() => {
      this._painted = 0;
      for (const listener of this._listeners) listener(this.state);
    });
  }
}
