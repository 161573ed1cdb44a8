// The entry point through which JupyterLab loads us: a module federation container, as webpack makes one for other
// extensions. This one is written by hand, so that the course needs no build and no Node.js.
"use strict";

(() => {
  const NAME = "dockbook";
  const here = new URL(".", document.currentScript.src);
  let shared = null;

  // JupyterLab's own copy of a library: its tokens and classes are compared by identity.
  async function use(name) {
    const versions = Object.values(shared[name] ?? {});
    const found = versions.find((one) => one.from === "@jupyterlab/application-top") ?? versions[0];
    if (!found) throw new Error(`dockbook: this JupyterLab shares no ${name}`);
    return (await found.get())();
  }

  const modules = {
    "./extension": async () => {
      const { LIBRARIES, plugins } = await import(new URL("index.js", here));
      const loaded = await Promise.all(LIBRARIES.map(use));
      return { __esModule: true, default: plugins(...loaded) };
    },
    "./style": async () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL("style.css", here);
      document.head.append(link);
      return {};
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init(scope) {
      shared = scope;
    },
    async get(name) {
      const module = await modules[name]();
      return () => module;
    },
  };
})();
