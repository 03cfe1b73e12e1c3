// What the server answers, and its refusals as errors in its own words.

export class Refusal extends Error {
  constructor(status, body) {
    super(body.error || `the server answered with status ${status}`);
    this.status = status;
    this.body = body;
  }
}

let edition = "";

// use says which edition of the dataset is meant by the numbers of rows: the server refuses to answer for another.
export const use = (version) => (edition = version);

// stale says whether a refusal means that the dataset is another by now.
export const stale = (error) => error.status === 409 && error.body.version !== edition;

async function ask(path, options) {
  let response;
  const of = edition && !options && path !== "/api/dataset" ? (path.includes("?") ? "&" : "?") + "version=" + encodeURIComponent(edition) : "";
  try {
    response = await fetch(path + of, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Refusal(0, { error: "the explorer does not answer: is extract dataset explore still running?" });
  }
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Not from the explorer, but from something between: the status has to do.
  }
  throw new Refusal(response.status, body);
}

const get = async (path) => (await ask(path)).json();

async function post(path, value) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
  return ask(path, options);
}

// dataset is without null for lists that are empty.
export async function dataset() {
  const d = await get("/api/dataset");
  for (const list of ["classes", "splits", "columns", "notes"]) d[list] ||= [];
  return d;
}

export const rows = async (numbers) => get("/api/rows?rows=" + numbers.join(","));
export const neighbours = (row, k) => get(`/api/rows/${row}/neighbours?k=${k}`);
export const paths = (text, limit) => get(`/api/paths?q=${encodeURIComponent(text)}&limit=${limit}`);
export const positions = async (map) => new Float32Array(await (await ask("/api/map/" + map)).arrayBuffer());
export const thumb = (row, size) => `/thumbs/${row}?size=${size}`;

// column has a value for each row: whole numbers for what has names, else fractions.
export async function column(name) {
  const bytes = await (await ask("/api/columns/" + name)).arrayBuffer();
  return ["label", "split", "prediction"].includes(name) ? new Int32Array(bytes) : new Float32Array(bytes);
}

// order has rows in an order; among is a selection, or null for all of them. An address cannot hold a
// long selection: then the order of all rows is asked for, and reduced.
export async function order(name, limit, among) {
  const few = among && among.length <= 500;
  const answer = await get(`/api/orders/${name}?limit=${among && !few ? 1e6 : limit}${few ? "&rows=" + among.join(",") : ""}`);
  if (!among || few) return answer;
  const chosen = new Set(among);
  return {
    rows: answer.rows.filter((row) => chosen.has(row)).slice(0, limit),
    groups: (answer.groups || []).map((group) => group.filter((row) => chosen.has(row))).filter((group) => group.length > 1),
  };
}

export const setLabels = async (version, numbers, label) => (await post("/api/labels", { version, rows: numbers, label })).json();
export const undo = async (version) => (await post("/api/undo", { version })).json();
export const redo = async (version) => (await post("/api/redo", { version })).json();

// exported has the file's name and content.
export async function exported(numbers, format) {
  const response = await post("/api/export", { rows: numbers, format });
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") || "");
  return { name: named ? named[1] : "selection." + (format === "paths" ? "txt" : format), content: await response.blob() };
}

export async function place(file, map) {
  const type = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  const options = { method: "POST", headers: { "Content-Type": type }, body: file };
  return (await ask("/api/place?map=" + map, options)).json();
}

// listen calls the handlers of the server's events by name, and says when the connection comes and goes.
export function listen(handlers, connected) {
  const source = new EventSource("/api/events");
  source.onopen = () => connected(true);
  source.onerror = () => connected(false);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
}
