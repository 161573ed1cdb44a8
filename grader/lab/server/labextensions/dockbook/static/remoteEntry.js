// The entry point through which JupyterLab loads us: a module federation container, as webpack makes one for other
// extensions. This one is written by hand, so that the course needs no build and no Node.js.
"use strict";

/**
 * What webpack's module federation shares: for each library its versions, each with a way to load it.
 *
 * @typedef {Record<string, Record<string, { from: string, get: () => Promise<() => unknown> }>>} Scope
 */

(() => {
  const NAME = "dockbook";
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const here = new URL(".", script.src);
  /** @type {Scope} */
  let shared = {};

  /**
   * JupyterLab's own copy of a library: its tokens and classes are compared by identity.
   *
   * @param {string} name
   */
  async function use(name) {
    const versions = Object.values(shared[name] ?? {});
    const found = versions.find((one) => one.from === "@jupyterlab/application-top") ?? versions[0];
    if (!found) throw new Error(`dockbook: this JupyterLab shares no ${name}`);
    return (await found.get())();
  }

  /** @type {Record<string, () => Promise<object>>} */
  const modules = {
    "./extension": async () => {
      const { LIBRARIES, plugins } = await import(new URL("index.js", here).href);
      const loaded = await Promise.all(LIBRARIES.map(use));
      return { __esModule: true, default: plugins(...loaded) };
    },
    "./style": async () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL("style.css", here).href;
      document.head.append(link);
      return {};
    },
  };

  const page = /** @type {{ _JUPYTERLAB?: Record<string, object> }} */ (/** @type {unknown} */ (window));
  page._JUPYTERLAB ??= {};
  page._JUPYTERLAB[NAME] = {
    /** @param {Scope} scope */
    init(scope) {
      shared = scope;
    },
    /** @param {string} name */
    async get(name) {
      const load = modules[name];
      if (!load) throw new Error(`dockbook: there is no module ${name}`);
      const module = await load();
      return () => module;
    },
  };
})();
