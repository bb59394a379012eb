"use strict";
// Draws one page of problems at a time; every text goes in as a text node, never as HTML. The whole state stands in the
// address (#left=...&show=differ&search=...), so that a view can be bookmarked and sent.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE_SIZE = 20, LONG = 900;
  const RIGHT = "correct";
  const AGREEMENT = {
    all: [() => "all", () => true],
    differ: [() => "verdicts differ", (a, b) => a.verdict !== b.verdict],
    left: [(left) => `only ${left} correct`, (a, b) => a.verdict === RIGHT && b.verdict !== RIGHT],
    right: [(left, right) => `only ${right} correct`, (a, b) => a.verdict !== RIGHT && b.verdict === RIGHT],
    both: [() => "both correct", (a, b) => a.verdict === RIGHT && b.verdict === RIGHT],
    neither: [() => "neither correct", (a, b) => a.verdict !== RIGHT && b.verdict !== RIGHT],
    questions: [() => "other sub-questions", (a, b) => a.questions.join("\n") !== b.questions.join("\n")],
  };
  const UNASKED = [0, 0, 0, 0];
  const NOT_RUN = { questions: [], reply: "", verdict: "", why: "this problem was not asked", asked: [null, null], usage: [UNASKED, UNASKED] };
  const byId = (id) => document.getElementById(id);

  // --- state ---------------------------------------------------------------------------------------------------------

  const state = { left: "", right: "", seed: 0, leftVerdict: "", rightVerdict: "", show: "all", search: "", page: 0 };

  function defaults() {
    const [left, right] = data.opens;
    return { left, right, seed: 0, leftVerdict: "", rightVerdict: "", show: "all", search: "", page: 0 };
  }

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    Object.assign(state, defaults());
    for (const side of ["left", "right"]) if (pairNamed(given.get(side))) state[side] = given.get(side);
    for (const key of ["leftVerdict", "rightVerdict"]) if (data.verdicts.includes(given.get(key))) state[key] = given.get(key);
    if (given.get("show") in AGREEMENT) state.show = given.get("show");
    state.search = given.get("search") || "";
    state.seed = Math.min(Math.max(0, parseInt(given.get("seed"), 10) || 0), data.seeds.length - 1);
    state.page = Math.max(0, (parseInt(given.get("page"), 10) || 1) - 1);
  }

  function writeAddress() {
    const plain = defaults(), parts = new URLSearchParams();
    for (const key of Object.keys(state)) if (state[key] !== plain[key]) parts.set(key, key === "page" ? state.page + 1 : state[key]);
    history.replaceState(null, "", "#" + parts);
  }

  const pairNamed = (name) => data.pairs.find((pair) => pair.name === name);
  const entriesOf = (side) => pairNamed(state[side]).runs[state.seed];
  const fullName = (pair) => `${pair.decomposer} + ${pair.solver}`;

  function shortNames() {  // of the pairs shown, what tells them apart
    const [left, right] = ["left", "right"].map((side) => pairNamed(state[side]));
    if (left.solver === right.solver) return [left.decomposer, right.decomposer];
    return left.decomposer === right.decomposer ? [left.solver, right.solver] : [fullName(left), fullName(right)];
  }

  // --- choice --------------------------------------------------------------------------------------------------------

  const haystacks = new Map();  // entries -> lower-case texts, made on the first search
  function haystack(entries) {
    if (!haystacks.has(entries)) {
      haystacks.set(entries, entries.map((entry) => entry ? [...entry.questions, entry.reply].join("\n").toLowerCase() : ""));
    }
    return haystacks.get(entries);
  }
  const problemTexts = data.problems.map((problem) => [problem.id, problem.passage, problem.text].join("\n").toLowerCase());

  function matchingProblems() {  // what search and verdicts leave; the buttons count among these
    const left = entriesOf("left"), right = entriesOf("right"), wanted = state.search.trim().toLowerCase();
    const texts = wanted ? [problemTexts, haystack(left), haystack(right)] : [];
    const matching = [];
    for (let index = 0; index < data.problems.length; index++) {
      const a = left[index] || NOT_RUN, b = right[index] || NOT_RUN;
      if (state.leftVerdict && a.verdict !== state.leftVerdict) continue;
      if (state.rightVerdict && b.verdict !== state.rightVerdict) continue;
      if (wanted && !texts.some((list) => list[index].includes(wanted))) continue;
      matching.push([index, a, b]);
    }
    return matching;
  }

  // --- drawing -------------------------------------------------------------------------------------------------------

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function marked(text) {
    const wanted = state.search.trim().toLowerCase(), lower = text.toLowerCase();
    const parts = document.createDocumentFragment();
    let from = 0;
    for (let at = wanted ? lower.indexOf(wanted) : -1; at >= 0 && lower.length === text.length; at = lower.indexOf(wanted, from)) {
      parts.append(text.slice(from, at), make("mark", {}, text.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    parts.append(text.slice(from));
    return parts;
  }

  function longText(text, kind) {
    const box = make("div", { class: `text ${kind}` });
    if (text.length <= LONG) return box.append(marked(text)), box;
    const more = make("button", { type: "button", class: "more" }, `show all ${text.length} characters`);
    more.addEventListener("click", () => box.replaceChildren(marked(text)));
    box.append(marked(text.slice(0, LONG)), "… ", more);
    return box;
  }

  // --- what a role was asked, and what it took -----------------------------------------------------------------------

  const PLACES = /[\ufdd0-\ufdd2]/g;

  function promptText(number, problem, entry) {
    const parts = {
      "\ufdd0": problem.text, "\ufdd1": problem.passage,
      "\ufdd2": entry.questions.map((text, index) => `Q${index + 1}: ${text.split(/\s+/).filter(Boolean).join(" ")}`).join("\n"),
    };
    return data.prompts[number].text.replace(PLACES, (place) => parts[place]);
  }

  function dollars(cost) {
    if (cost === null) return "price not known";
    return cost === 0 ? "$0" : `$${cost.toPrecision(2).includes("e") ? cost.toExponential(1) : Number(cost.toPrecision(2))}`;
  }

  function tookText([read, written, seconds, cost]) {
    if (!read && !written && !seconds) return "";
    return `${read} + ${written} tokens, ${seconds.toFixed(2)} s, ${dollars(cost)}`;
  }

  function drawRole(role, name, number, took, problem, entry) {
    const head = [make("span", { class: "role" }, `${role} `), make("b", {}, name), took && ` · ${took}`].filter(Boolean);
    if (number === null) return make("p", { class: "asked" }, ...head);
    const text = make("pre", { class: "prompt" }), box = make("details", { class: "asked" });
    box.append(make("summary", {}, ...head, " · ", make("span", { class: "open" }, "prompt")), text);
    box.addEventListener("toggle", () => {
      if (!text.firstChild) text.append(make("span", { class: "why" }, data.prompts[number].name), "\n", promptText(number, problem, entry));
    });
    return box;
  }

  function drawSide(pair, entry, problem) {
    const side = make("div", { class: `side ${entry.verdict}` });
    const roles = [["decomposer", pair.decomposer], ["solver", pair.solver]].map(([role, name], index) =>
      drawRole(role, name, entry.asked[index], tookText(entry.usage[index]), problem, entry));
    side.append(make("h3", {}, `${fullName(pair)}: `, make("span", { class: "verdict" }, entry.verdict.replaceAll("_", " ") || "not run")));
    side.append(roles[0]);
    if (entry.questions.length) side.append(make("ol", {}, ...entry.questions.map((text) => make("li", {}, marked(text)))));
    else side.append(make("p", { class: "none" }, entry.unread ? "sub-questions that could not be read:" : "no sub-questions"));
    if (entry.unread) side.append(longText(entry.unread, "reply"));
    side.append(roles[1]);
    if (entry.reply) side.append(longText(entry.reply, "reply"));
    if (entry.cut) side.append(make("p", { class: "why" }, `${entry.cut} characters after the answer were cut`));
    return side.append(make("p", { class: "why" }, entry.why)), side;
  }

  function drawProblem(index) {
    const problem = data.problems[index], card = make("article", { id: problem.id });
    card.append(make("h2", {}, problem.id));
    if (problem.passage) card.append(longText(problem.passage, "passage"));
    card.append(make("div", { class: "text" }, marked(problem.text)));
    card.append(make("p", { class: "why" }, `gold answer: ${problem.gold}`));
    const sides = ["left", "right"].map((side) => drawSide(pairNamed(state[side]), entriesOf(side)[index] || NOT_RUN, problem));
    return card.append(make("div", { class: "sides" }, ...sides)), card;
  }

  // --- summary -------------------------------------------------------------------------------------------------------

  const TEXT_COLUMNS = ["decomposer", "solver", "95 % interval", "seen before", "against"];
  const columnName = (name) => name === "against" ? `against ${data.baseline}` : name.replaceAll("_", " ");

  function drawInterval(pair) {
    const bar = make("span", { class: "interval" });
    bar.append(
      make("i", { style: `left:${100 * pair.low}%;width:${100 * (pair.high - pair.low)}%` }),
      make("b", { style: `left:${100 * pair.accuracy}%` }),
    );
    return bar;
  }

  function unbroken(text) {  // a p-value stays on one line
    const [, before, value] = text.match(/^(.*?)(\(?p [<=] .*)$/) || [null, text, ""];
    return value ? [before, make("span", { class: "whole" }, value)] : [before];
  }

  function drawCell(pair, name) {
    const isNumber = !TEXT_COLUMNS.includes(name);
    const cell = make("td", { class: `${isNumber ? "number" : ""} ${name.replaceAll(/\W+/g, "-")}`, "data-name": columnName(name) });
    const isFlag = name === "seen before" && pair.cells[name] !== "-";
    cell.append(make("span", { class: isFlag ? "value flag" : "value" }, ...unbroken(pair.cells[name])));
    if (name === "decomposer" && pair.best) cell.append(make("span", { class: "chip" }, "best"));
    if (name === "against" && pair.tested) cell.append(make("span", { class: `chip ${pair.tested}` }, "significant"));
    if (name === "95 % interval") cell.append(drawInterval(pair));
    return cell;
  }

  function drawSummary() {
    const head = make("tr", {}, ...data.columns.map((name) => make("th", { class: TEXT_COLUMNS.includes(name) ? "" : "number" }, columnName(name))));
    const lines = data.pairs.map((pair) => make("tr", { class: pair.best ? "best" : "" }, ...data.columns.map((name) => drawCell(pair, name))));
    byId("summary").replaceChildren(make("thead", {}, head), make("tbody", {}, ...lines));
  }

  function drawAgreement(matching) {
    const names = shortNames();
    const buttons = Object.entries(AGREEMENT).map(([key, [name, holds]]) => {
      const count = matching.reduce((sum, [, a, b]) => sum + holds(a, b), 0);
      const button = make("button", { type: "button", "data-show": key, "aria-pressed": state.show === key }, `${name(...names)} (${count})`);
      button.addEventListener("click", () => change({ show: key }));
      return button;
    });
    byId("agreement").replaceChildren(...buttons);
  }

  function draw() {
    const start = performance.now(), matching = matchingProblems();
    const chosen = matching.filter(([, a, b]) => AGREEMENT[state.show][1](a, b)).map(([index]) => index);
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE_SIZE));
    state.page = Math.min(state.page, pages - 1);
    const first = state.page * PAGE_SIZE, shown = chosen.slice(first, first + PAGE_SIZE);
    for (const side of ["left", "right"]) {
      byId(side).value = state[side];
      byId(`${side}-verdict`).value = state[`${side}Verdict`];
    }
    byId("seed").value = String(state.seed);
    if (byId("search").value !== state.search) byId("search").value = state.search;
    drawAgreement(matching);
    const message = make("p", { class: "empty" }, "No problem fits these filters.");
    byId("problems").replaceChildren(...(shown.length ? shown.map(drawProblem) : [message]));
    const where = shown.length ? `${first + 1} to ${first + shown.length} of ${chosen.length}` : "0";
    for (const below of ["", "-below"]) {
      byId(`count${below}`).textContent = `${where} problems`;
      byId(`previous${below}`).disabled = state.page === 0;
      byId(`next${below}`).disabled = state.page >= pages - 1;
    }
    writeAddress();
    document.documentElement.dataset.drawnMs = (performance.now() - start).toFixed(1);
  }

  // --- wiring --------------------------------------------------------------------------------------------------------

  function change(values) {
    Object.assign(state, { page: 0 }, values);
    draw();
  }

  function turn(step, toTop) {
    change({ page: state.page + step });
    if (toTop) byId("problems").scrollIntoView();
  }

  const pairOptions = () => data.pairs.map((pair) => make("option", { value: pair.name }, fullName(pair)));

  function fillControls() {
    for (const side of ["left", "right"]) {
      byId(side).append(...pairOptions());
      byId(side).addEventListener("change", (event) => change({ [side]: event.target.value }));
      const verdict = byId(`${side}-verdict`);
      verdict.append(make("option", { value: "" }, "any"));
      verdict.append(...data.verdicts.map((name) => make("option", { value: name }, name.replaceAll("_", " "))));
      verdict.addEventListener("change", (event) => change({ [`${side}Verdict`]: event.target.value }));
    }
    byId("seed").append(...data.seeds.map((seed, index) => make("option", { value: index }, seed)));
    byId("seed").addEventListener("change", (event) => change({ seed: Number(event.target.value) }));
    byId("seed-label").hidden = data.seeds.length === 1;
    let waiting = 0;
    byId("search").addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => change({ search: event.target.value }), 120);
    });
    for (const below of ["", "-below"]) {
      byId(`previous${below}`).addEventListener("click", () => turn(-1, below !== ""));
      byId(`next${below}`).addEventListener("click", () => turn(1, below !== ""));
    }
    window.addEventListener("hashchange", () => { readAddress(); draw(); });
  }

  byId("caption").textContent = data.caption;
  byId("warnings").append(...data.warnings.map((text) => make("p", { class: "warning", role: "note" }, text)));
  drawSummary();
  fillControls();
  readAddress();
  draw();
})();
