// The page of finetune serve: photos are sent to /predict, a few at a time, and the answers shown.
import { shown } from "./shown.js";

const atOnce = 3, most = 6, side = 480, tries = 6;
const $ = id => document.getElementById(id);
const waiting = [];
let running = 0;
let token = sessionStorage.getItem("token") ?? "";
if (token) $("access").hidden = true;

for (const [button, input] of [["choose", "files"], ["shoot", "camera"]]) {
  $(button).addEventListener("click", () => $(input).click());
  $(input).addEventListener("change", () => { add($(input).files); $(input).value = ""; });
}
addEventListener("dragover", event => { event.preventDefault(); $("drop").classList.add("over"); });
addEventListener("dragleave", event => { if (!event.relatedTarget) $("drop").classList.remove("over"); });
addEventListener("drop", event => { event.preventDefault(); $("drop").classList.remove("over"); add(event.dataTransfer.files); });
addEventListener("paste", event => add(event.clipboardData.files));
$("clear").addEventListener("click", () => {
  waiting.length = 0;
  $("photos").replaceChildren();
  report();
  $("choose").focus();
});
$("access").addEventListener("submit", event => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  $("access").hidden = true;
  for (const button of document.querySelectorAll(".again[data-token]")) button.click();
});

// add shows files and sends them when their turn comes.
function add(files) {
  for (const file of files) {
    const card = $("card").content.cloneNode(true).firstElementChild;
    card.querySelector("figcaption").textContent = shown(file.name);
    card.querySelector("canvas").setAttribute("aria-label", shown(file.name));
    card.querySelector(".again").addEventListener("click", event => { event.target.hidden = true; enqueue({ card, file }); });
    $("photos").append(card);
    enqueue({ card, file, preview: true });
  }
}

function enqueue(photo) {
  delete photo.card.querySelector(".again").dataset.token;
  photo.card.dataset.state = "busy";
  say(photo.card, "waiting", "quiet");
  waiting.push(photo);
  next();
}

function next() {
  while (running < atOnce && waiting.length > 0) {
    const photo = waiting.shift();
    running++;
    work(photo).finally(() => { running--; photo.card.dataset.state = "done"; next(); });
  }
  report();
}

async function work({ card, file, preview }) {
  if (preview) await draw(card, file);
  say(card, "asking", "quiet");
  try {
    show(card, await ask(card, file));
  } catch (error) {
    say(card, error.message, "bad");
    const again = card.querySelector(".again");
    again.hidden = !error.again;
    if (error.token) again.dataset.token = "";
  }
}

// draw draws a small copy of a photo, which takes less memory than the photo.
async function draw(card, file) {
  const canvas = card.querySelector("canvas");
  try {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.max(whole.width, whole.height));
    canvas.width = Math.max(1, Math.round(whole.width * scale));
    canvas.height = Math.max(1, Math.round(whole.height * scale));
    canvas.getContext("2d").drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
  } catch {
    canvas.remove();
    card.querySelector(".preview").hidden = false;
  }
}

// ask sends a photo, and again if the server has too much to do.
async function ask(card, file) {
  for (let tried = 1; ; tried++) {
    let response;
    try {
      response = await fetch("predict", { method: "POST", body: file, headers: token ? { Authorization: "Bearer " + token } : {} });
    } catch {
      throw Object.assign(new Error("the server cannot be reached, or the file cannot be read"), { again: true });
    }
    const answer = await response.json().catch(() => ({ error: "status " + response.status }));
    if (response.ok) return answer;
    if (response.status === 401) {
      $("refusal").textContent = token ? "The server does not know this token." : "";
      $("access").hidden = false;
      throw Object.assign(new Error("needs an access token"), { again: true, token: true });
    }
    if (response.status !== 503 || tried === tries) throw Object.assign(new Error(answer.error), { again: response.status >= 500 });
    say(card, "waiting: the server has much to do", "quiet");
    await new Promise(resolve => setTimeout(resolve, 1000 * Math.max(1, Number(response.headers.get("Retry-After")) || 1)));
  }
}

function show(card, answer) {
  say(card, answer.label, "");
  const all = answer.top ?? Object.entries(answer.probabilities).map(([label, probability]) => ({ label, probability })).sort((a, b) => b.probability - a.probability);
  card.querySelector(".bars").replaceChildren(...all.slice(0, most).map(bar));
  if (answer.novelty !== undefined) {
    const unlike = answer.novelty > 1;
    const line = card.querySelector(".novelty");
    line.textContent = `novelty ${answer.novelty.toFixed(2)}: ${unlike ? "unlike all photos that it was trained on; do not trust the label" : "like photos that it was trained on"}`;
    line.className = unlike ? "novelty warn" : "novelty quiet";
  }
}

function bar({ label, probability }) {
  const row = document.createElement("li"), name = document.createElement("span"), value = document.createElement("span");
  const track = document.createElement("div"), fill = document.createElement("div");
  name.textContent = shown(label);
  value.textContent = percent(probability);
  track.className = "track";
  fill.style.width = 100 * probability + "%";
  track.append(fill);
  row.append(name, value, track);
  return row;
}

// percent never says 100 % or 0 % of what is not certain.
function percent(p) {
  const rounded = (100 * p).toFixed(1);
  if (p < 1 && rounded === "100.0") return "> 99.9 %";
  if (p > 0 && rounded === "0.0") return "< 0.1 %";
  return rounded + " %";
}

function say(card, text, kind) {
  const label = card.querySelector(".label");
  label.textContent = shown(text);
  label.className = "label " + kind;
}

function report() {
  const all = $("photos").children.length, done = document.querySelectorAll("[data-state=done]").length;
  $("clear").hidden = all === 0;
  $("status").textContent = all === 0 ? "" : `${done} of ${all} done`;
}
