// SPDX-License-Identifier: Apache-2.0
// Fills the start page from /start.json and shows the first rows of an entity from its own API.
"use strict";

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const state = { entities: [], chosen: null };

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const health_texts = {
  ready: "Ready",
  starting: "Starting",
  draining: "Stopping: finishing what was begun",
  unhealthy: "Not ready",
  down: "The server does not answer",
};

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function show_health(name, detail) {
  $("health").dataset.state = name;
  $("health-text").textContent = (health_texts[name] ?? name) + (detail ? ` · ${detail}` : "");
}

function show_import(progress) {
  $("importing").hidden = !progress;
  if (!progress) return;
  $("import-file").textContent = progress.file;
  $("import-progress").value = progress.percent;
  $("import-text").textContent = `File ${progress.number} of ${progress.files}, ${number.format(progress.rows)} rows so far`;
}

function card(entity, index) {
  const choose = element("button", { type: "button", textContent: entity.title });
  choose.addEventListener("click", () => preview(index, true));
  const reference = element("a", { href: `/docs#/${encodeURIComponent(entity.name)}`, textContent: "Docs" });
  const list = element("a", { href: `${entity.path}?limit=20`, textContent: "JSON" });
  const made = element("article", { className: "card" },
    element("header", {}, element("h3", {}, choose), element("span", { className: "count" })),
    element("p", { textContent: entity.doc }),
    element("footer", {}, element("code", { textContent: entity.path }), list, reference));
  return made;
}

function show_entities(entities) {
  const grid = $("entities");
  if (grid.childElementCount !== entities.length) grid.replaceChildren(...entities.map(card));
  grid.ariaBusy = "false";
  state.entities = entities;
  let rows = 0;
  entities.forEach((entity, index) => {
    grid.children[index].querySelector(".count").textContent = entity.rows === null ? "–" : number.format(entity.rows);
    rows += entity.rows ?? 0;
  });
  $("entity-count").textContent = number.format(entities.length);
  $("row-count").textContent = number.format(rows);
}

function cell(value) {
  if (value === null || value === undefined) return element("td", { className: "nothing", textContent: "–" });
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return element("td", { className: typeof value === "number" ? "number" : "", textContent: text, title: text });
}

// Columns people look at first: not the bookkeeping every row has.
const bookkeeping = new Set(["created_at", "updated_at", "deleted_at", "version"]);

async function preview(index, by_hand) {
  const entity = state.entities[index];
  if (!entity) return;
  state.chosen = index;
  [...$("entities").children].forEach((made, k) => { made.dataset.chosen = String(k === index); });
  const query = `${entity.path}?limit=8`;
  const answer = await fetch(query).catch(() => null);
  if (state.chosen !== index) return;
  const body = answer?.ok ? await answer.json() : null;
  const rows = body ? Object.values(body).find(Array.isArray) ?? [] : [];
  $("preview-title").textContent = entity.title;
  $("preview-request").textContent = `curl '${location.origin}${query}'`;
  const columns = rows.length ? Object.keys(rows[0]).filter((name) => !bookkeeping.has(name)) : [];
  const head = columns.map((name) => element("th", { textContent: name, className: typeof rows[0][name] === "number" ? "number" : "" }));
  $("preview-head").replaceChildren(element("tr", {}, ...head));
  $("preview-body").replaceChildren(...rows.map((row) => element("tr", {}, ...columns.map((name) => cell(row[name])))));
  $("preview-note").textContent = !body ? "The list could not be read." : rows.length ? `The first ${rows.length} of ${number.format(entity.rows ?? rows.length)}.` : "No rows yet.";
  $("preview").hidden = false;
  if (by_hand) $("preview").scrollIntoView({ behavior: "smooth", block: "nearest" });
}

async function refresh() {
  let wait = 5000;
  try {
    const answer = await fetch("/start.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const start = await answer.json();
    show_health(start.state, start.detail);
    show_import(start.import);
    show_entities(start.entities);
    $("uptime").textContent = duration(start.uptime_seconds);
    if (start.state === "starting") wait = 400;
    const busiest = start.entities.findIndex((entity) => entity.name === start.featured);
    if (busiest >= 0) $("first-list").href = `${start.entities[busiest].path}?limit=20`;
    if (state.chosen === null && start.state === "ready" && busiest >= 0) preview(busiest, false);
  } catch {
    show_health("down");
    wait = 2000;
  }
  setTimeout(refresh, wait);
}

$("copy").addEventListener("click", async () => {
  const text = $("preview-request").textContent;
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  $("copy").textContent = done ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
refresh();
