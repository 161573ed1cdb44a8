// What the lab's server sends, as `start_page.py`, `extension.py`, `watch.py` and `shown.py` in grader/lab/server
// make it. Only for the type checker and for readers; `tests/unit/lab/server/test_shapes.py` compares the names.

/** One row of the chapters on the start page. */
export interface Chapter {
  id: string;
  number: string;
  title: string;
  about: string;
  path: string;
  stage: "new" | "work" | "done" | "damaged" | "missing";
  words: string;
  passed: number;
  tasks: number;
  submitted: string;
  changed: boolean;
  other_notebooks: string[];
}

/** The next thing to do. */
export interface NextStep {
  chapter: string;
  do: "continue" | "begin" | "repair" | "submit";
  text: string;
  command?: string;
}

/** A paragraph of short help. */
export interface Help {
  title: string;
  text: string;
  command: string;
}

/** `GET dockbook/start`. */
export interface Page {
  student: string;
  passed: number;
  tasks: number;
  chapters: Chapter[];
  next: NextStep | null;
  help: Help[];
  session: string;
  engine: { backend: string; about: string };
}

/** The colour of a dot. */
export type Kind = "green" | "amber" | "red" | "blue" | "grey";

/** A published port of a container. */
export interface Port {
  host: string;
  inside: string;
  url: string;
  taken: boolean;
}

/** A line of `docker ps --all`. */
export interface Container {
  id: string;
  name: string;
  image: string;
  state: string;
  kind: Kind;
  meaning: string;
  ports: Port[];
  more_ports: number;
  networks: string[];
}

/** A line of `docker images`. */
export interface Image {
  id: string;
  tags: string[];
  size: string;
}

/** A line of `docker network ls`, and the running containers in it. */
export interface Network {
  id: string;
  name: string;
  driver: string;
  subnets: string[];
  internal: boolean;
  inside: string[];
  more_inside: number;
}

/** One of Docker's events; `at` in seconds. */
export interface Event {
  at: number;
  who: string;
  what: string;
  kind: Kind;
  times: number;
}

/** The first rows of a list, and how many it has. */
export interface Listed<Row> {
  total: number;
  rows: Row[];
}

/** A message of `dockbook/watch`. The lists and the version are there while the engine runs. */
export interface State {
  status: "looking" | "running" | "waiting" | "gone";
  words: string;
  events: Event[];
  version?: string;
  containers?: Listed<Container> & { running: number };
  images?: Listed<Image>;
  networks?: Listed<Network>;
}

/** What of JupyterLab's settings a connection to its server needs. */
export interface Settings {
  readonly wsUrl: string;
  readonly token: string;
  readonly appendToken: boolean;
}
