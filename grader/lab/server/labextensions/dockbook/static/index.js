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

/**
 * @import { JupyterFrontEnd, ILabShell, ILayoutRestorer, JupyterFrontEndPlugin } from "@jupyterlab/application"
 * @import { ICommandPalette } from "@jupyterlab/apputils"
 * @import { ILauncher } from "@jupyterlab/launcher"
 * @import { Contents } from "@jupyterlab/services"
 * @import { LabIcon } from "@jupyterlab/ui-components"
 * @import { Page } from "./shapes"
 */

const START_ID = "dockbook-start";
const PANEL_ID = "dockbook-panel";
const SEEN = "dockbook-session";
// Saved by another window, submitted or reset in a terminal: we get no message.
const ASK_EVERY_MS = 20_000;

/**
 * @param {JupyterFrontEnd} app
 * @param {string} command
 * @param {LabIcon} icon
 * @param {string} text
 */
function button(app, command, icon, text) {
  return element(
    "button",
    { class: "dockbook-top", type: "button", onclick: () => app.commands.execute(command) },
    icon.element({ tag: "span" }),
    element("span", {}, text),
  );
}

/**
 * Our plugins, made with JupyterLab's own copies of its libraries.
 *
 * @param {typeof import("@jupyterlab/application")} application
 * @param {typeof import("@jupyterlab/apputils")} apputils
 * @param {typeof import("@jupyterlab/coreutils")} coreutils
 * @param {typeof import("@jupyterlab/launcher")} launcher
 * @param {typeof import("@jupyterlab/services")} services
 * @param {typeof import("@jupyterlab/ui-components")} components
 * @param {typeof import("@lumino/widgets")} widgets
 * @returns {JupyterFrontEndPlugin<void>[]}
 */
export function plugins(application, apputils, coreutils, launcher, services, components, widgets) {
  const { WidgetTracker } = apputils;
  const { ServerConnection } = services;
  const { PageConfig, URLExt } = coreutils;
  const startIcon = new components.LabIcon({ name: "dockbook:start", svgstr: START });
  const panelIcon = new components.LabIcon({ name: "dockbook:panel", svgstr: PANEL });

  class StartWidget extends widgets.Widget {
    #app;
    #feed;
    #start;
    #timer = 0;
    #refresh = () => void this.refresh();
    /** @type {(() => void) | null} */
    #leave = null;
    /** @type {Promise<void> | null} */
    #asking = null;
    #more = false;
    /** The lab that the server belongs to; null until it has answered. */
    session = /** @type {string | null} */ (null);

    /**
     * @param {JupyterFrontEnd} app
     * @param {Feed} feed
     */
    constructor(app, feed) {
      const start = new Start({
        open: (path) => app.commands.execute("docmanager:open", { path }),
        run: (command) => app.commands.execute(command),
        link: (path) => URLExt.join(PageConfig.getBaseUrl(), "lab/tree", URLExt.encodeParts(path)),
      });
      super({ node: start.node });
      this.#app = app;
      this.#feed = feed;
      this.#start = start;
      this.id = START_ID;
      this.title.label = "Start";
      this.title.caption = "The chapters and your progress";
      this.title.icon = startIcon;
      this.title.closable = true;
      app.serviceManager.contents.fileChanged.connect(this.#changed, this);
    }

    /** @override */
    dispose() {
      this.#app.serviceManager.contents.fileChanged.disconnect(this.#changed, this);
      super.dispose();
    }

    /** @override */
    onAfterAttach() {
      this.#leave = this.#start.listen(this.#feed);
      window.addEventListener("focus", this.#refresh);
      this.#timer = window.setInterval(() => {
        if (this.isVisible && !document.hidden) this.#refresh();
      }, ASK_EVERY_MS);
      this.#refresh();
    }

    /** @override */
    onBeforeDetach() {
      this.#leave?.();
      window.removeEventListener("focus", this.#refresh);
      window.clearInterval(this.#timer);
    }

    /** @override */
    onAfterShow() {
      this.#refresh();
    }

    /**
     * @param {unknown} _
     * @param {Contents.IChangedArgs} change
     */
    #changed(_, change) {
      if (change.type === "save" || change.newValue?.type === "notebook") this.#refresh();
    }

    /** Ask the server for the current state. If it is asked meanwhile, it is asked once more. */
    async refresh() {
      if (this.#asking) {
        this.#more = true;
        return this.#asking;
      }
      this.#asking = this.#ask();
      await this.#asking;
      this.#asking = null;
      if (this.#more) {
        this.#more = false;
        await this.refresh();
      }
    }

    async #ask() {
      try {
        const settings = this.#app.serviceManager.serverSettings;
        const url = URLExt.join(settings.baseUrl, "dockbook", "start");
        const answer = await ServerConnection.makeRequest(url, {}, settings);
        const found = await answer.json();
        if (!answer.ok) throw new Error(found.message ?? answer.statusText);
        const page = /** @type {Page} */ (found);
        this.session = page.session;
        this.#start.update(page);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#start.fail(`Your progress could not be read: ${reason}`);
      }
    }
  }

  class PanelWidget extends widgets.Widget {
    #feed;
    #panel;
    /** @type {(() => void) | null} */
    #leave = null;
    /** The button that opens and closes it. */
    opener = /** @type {HTMLElement | null} */ (null);

    /** @param {Feed} feed */
    constructor(feed) {
      const panel = new Panel();
      super({ node: element("div", { class: "dockbook-frame" }, panel.node) });
      this.#feed = feed;
      this.#panel = panel;
      this.id = PANEL_ID;
      this.title.caption = "Docker, live: containers, images, networks";
      this.title.icon = panelIcon;
    }

    /**
     * While it is hidden, the engine's state is not needed.
     *
     * @override
     */
    onAfterShow() {
      this.#leave ??= this.#panel.listen(this.#feed);
      this.opener?.setAttribute("aria-pressed", "true");
    }

    /** @override */
    onAfterHide() {
      this.#leave?.();
      this.#leave = null;
      this.opener?.setAttribute("aria-pressed", "false");
    }

    /** @override */
    onAfterAttach() {
      if (this.isVisible) this.onAfterShow();
    }

    /** @override */
    onBeforeDetach() {
      this.onAfterHide();
    }

    /** @override */
    onActivateRequest() {
      this.#panel.node.focus({ preventScroll: true });
    }
  }

  /**
   * Show the start page when JupyterLab is ready.
   *
   * @param {JupyterFrontEnd} app
   * @param {ILabShell} shell
   */
  async function greet(app, shell) {
    await app.restored;
    // A link to a notebook leads to the notebook.
    if (PageConfig.getOption("treePath")) return;
    const page = await app.commands.execute("dockbook:start", { activate: false });
    await page.refresh();
    // Once for each lab: a page that is reloaded stays where it was.
    if (page.session !== window.localStorage.getItem(SEEN) || [...shell.widgets("main")].length === 1) {
      window.localStorage.setItem(SEEN, page.session);
      shell.activateById(START_ID);
    }
  }

  /**
   * @param {JupyterFrontEnd} app
   * @param {ILabShell} shell
   * @param {ICommandPalette | null} palette
   * @param {ILayoutRestorer | null} restorer
   * @param {ILauncher | null} launchers
   */
  function activate(app, shell, palette, restorer, launchers) {
    const feed = new Feed(app.serviceManager.serverSettings);
    const tracker = new WidgetTracker({ namespace: "dockbook" });
    const panel = new PanelWidget(feed);
    /** @type {StartWidget | null} */
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

    const opener = button(app, "dockbook:panel", panelIcon, "Docker live");
    opener.setAttribute("aria-pressed", String(panel.isVisible));
    panel.opener = opener;
    const top = new widgets.Widget({
      node: element(
        "div",
        { class: "dockbook-tops", role: "group", "aria-label": "course" },
        button(app, "dockbook:start", startIcon, "Start page"),
        opener,
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

    void greet(app, shell);
  }

  return [
    {
      id: "dockbook:plugin",
      description: "The course's start page and a live view of its engine.",
      autoStart: true,
      requires: [application.ILabShell],
      optional: [apputils.ICommandPalette, application.ILayoutRestorer, launcher.ILauncher],
      activate,
    },
  ];
}
