// The course in JupyterLab: a start page in the main area, a live panel in the right sidebar, two buttons.
"use strict";

import { element } from "./dom.js";
import { Feed } from "./feed.js";
import { PANEL, START } from "./icons.js";
import { Panel } from "./panel.js";
import { Start } from "./start.js";

/** What we use of JupyterLab's own libraries, in the order of `plugins`' arguments. */
export const LIBRARIES = [
  "@jupyterlab/application",
  "@jupyterlab/apputils",
  "@jupyterlab/coreutils",
  "@jupyterlab/launcher",
  "@jupyterlab/services",
  "@jupyterlab/ui-components",
  "@lumino/widgets",
];

const START_ID = "dockbook-start";
const PANEL_ID = "dockbook-panel";
const SEEN = "dockbook-session";
// Saved by another window, submitted or reset in a terminal: we get no message.
const ASK_EVERY_MS = 20_000;

export function plugins(application, apputils, coreutils, launcher, services, components, widgets) {
  const { ILayoutRestorer, ILabShell } = application;
  const { ICommandPalette, WidgetTracker } = apputils;
  const { ILauncher } = launcher;
  const { ServerConnection } = services;
  const { PageConfig, URLExt } = coreutils;
  const startIcon = new components.LabIcon({ name: "dockbook:start", svgstr: START });
  const panelIcon = new components.LabIcon({ name: "dockbook:panel", svgstr: PANEL });

  class StartWidget extends widgets.Widget {
    constructor(app, feed) {
      const settings = app.serviceManager.serverSettings;
      const start = new Start({
        open: (path) => app.commands.execute("docmanager:open", { path }),
        run: (command) => app.commands.execute(command),
        link: (path) => URLExt.join(PageConfig.getBaseUrl(), "lab/tree", URLExt.encodeParts(path)),
      });
      super({ node: start.node });
      Object.assign(this, { app, feed, settings, start, session: null, _asking: null });
      this.id = START_ID;
      this.title.label = "Start";
      this.title.caption = "The chapters and your progress";
      this.title.icon = startIcon;
      this.title.closable = true;
      this._refresh = () => void this.refresh();
      app.serviceManager.contents.fileChanged.connect(this._changed, this);
    }

    dispose() {
      this.app.serviceManager.contents.fileChanged.disconnect(this._changed, this);
      super.dispose();
    }

    onAfterAttach() {
      this._leave = this.start.listen(this.feed);
      window.addEventListener("focus", this._refresh);
      this._timer = window.setInterval(() => {
        if (this.isVisible && !document.hidden) this._refresh();
      }, ASK_EVERY_MS);
      this._refresh();
    }

    onBeforeDetach() {
      this._leave?.();
      window.removeEventListener("focus", this._refresh);
      window.clearInterval(this._timer);
    }

    onAfterShow() {
      this._refresh();
    }

    _changed(_, change) {
      if (change.type === "save" || change.newValue?.type === "notebook") this._refresh();
    }

    /** Ask the server for the current state. If it is asked meanwhile, it is asked once more. */
    async refresh() {
      if (this._asking) {
        this._more = true;
        return this._asking;
      }
      this._asking = this._ask();
      await this._asking;
      this._asking = null;
      if (this._more) {
        this._more = false;
        await this.refresh();
      }
    }

    async _ask() {
      try {
        const url = URLExt.join(this.settings.baseUrl, "dockbook", "start");
        const answer = await ServerConnection.makeRequest(url, {}, this.settings);
        const page = await answer.json();
        if (!answer.ok) throw new Error(page.message ?? answer.statusText);
        this.session = page.session;
        this.start.update(page);
      } catch (error) {
        this.start.fail(`Your progress could not be read: ${error.message}`);
      }
    }
  }

  class PanelWidget extends widgets.Widget {
    constructor(feed) {
      const panel = new Panel();
      super({ node: element("div", { class: "dockbook-frame" }, panel.node) });
      Object.assign(this, { feed, panel });
      this.id = PANEL_ID;
      this.title.caption = "Docker, live: containers, images, networks";
      this.title.icon = panelIcon;
    }

    // While it is hidden, the engine's state is not needed.
    onAfterShow() {
      this._leave ??= this.panel.listen(this.feed);
      this.opener?.setAttribute("aria-pressed", "true");
    }

    onAfterHide() {
      this._leave?.();
      this._leave = null;
      this.opener?.setAttribute("aria-pressed", "false");
    }

    onAfterAttach() {
      if (this.isVisible) this.onAfterShow();
    }

    onBeforeDetach() {
      this.onAfterHide();
    }

    onActivateRequest() {
      this.panel.node.focus({ preventScroll: true });
    }
  }

  function button(app, command, icon, text) {
    return element(
      "button",
      { class: "dockbook-top", type: "button", onclick: () => app.commands.execute(command) },
      icon.element({ tag: "span" }),
      element("span", {}, text),
    );
  }

  function activate(app, shell, palette, restorer, launchers) {
    const feed = new Feed(app.serviceManager.serverSettings);
    const tracker = new WidgetTracker({ namespace: "dockbook" });
    const panel = new PanelWidget(feed);
    let start = null;

    app.commands.addCommand("dockbook:start", {
      label: "Start Page",
      caption: "The chapters and your progress",
      icon: startIcon,
      execute: ({ activate: show = true } = {}) => {
        if (start === null || start.isDisposed) {
          start = new StartWidget(app, feed);
          shell.add(start, "main", { activate: false });
          void tracker.add(start);
        }
        if (show) shell.activateById(START_ID);
        return start;
      },
    });
    app.commands.addCommand("dockbook:panel", {
      label: "Docker Live Panel",
      caption: "Containers, images and networks as they change",
      icon: panelIcon,
      isToggled: () => panel.isVisible,
      execute: () => {
        if (panel.isVisible) shell.collapseRight();
        else shell.activateById(PANEL_ID);
      },
    });
    shell.add(panel, "right", { rank: 10 });

    panel.opener = button(app, "dockbook:panel", panelIcon, "Docker live");
    panel.opener.setAttribute("aria-pressed", String(panel.isVisible));
    const top = new widgets.Widget({
      node: element(
        "div",
        { class: "dockbook-tops", role: "group", "aria-label": "course" },
        button(app, "dockbook:start", startIcon, "Start page"),
        panel.opener,
      ),
    });
    top.id = "dockbook-tops";
    shell.add(top, "top", { rank: 900 });

    for (const command of ["dockbook:start", "dockbook:panel"]) {
      palette?.addItem({ command, category: "Dockbook" });
      launchers?.add({ command, category: "Dockbook" });
    }
    if (restorer) {
      restorer.add(panel, PANEL_ID);
      void restorer.restore(tracker, { command: "dockbook:start", args: () => ({ activate: false }), name: () => "start" });
    }

    void app.restored.then(async () => {
      // A link to a notebook leads to the notebook.
      if (PageConfig.getOption("treePath")) return;
      const page = await app.commands.execute("dockbook:start", { activate: false });
      await page.refresh();
      // Once for each lab: a page that is reloaded stays where it was.
      if (page.session !== window.localStorage.getItem(SEEN) || [...shell.widgets("main")].length === 1) {
        window.localStorage.setItem(SEEN, page.session);
        shell.activateById(START_ID);
      }
    });
  }

  return [
    {
      id: "dockbook:plugin",
      description: "The course's start page and a live view of its engine.",
      autoStart: true,
      requires: [ILabShell],
      optional: [ICommandPalette, ILayoutRestorer, ILauncher],
      activate,
    },
  ];
}
