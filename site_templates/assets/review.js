// The review queue: filters, evidence, selection. A classic script, so that it also runs from file://. What it shows comes
// from review/items.js and review/<month>.js; texts reach the page as text only. review_form.js decides on what is
// selected. Without scripts, the page lists the largest items with the commands that decide them.
(function () {
  "use strict";

  const queue = window.portal && window.portal.queue;
  const main = document.querySelector("[data-review]");
  if (!queue || !main) return;

  const NAMES = { pi: "PI", project: "project", fund: "fund" };
  const MOST_CHOICES = 50; // suggestions in a list

  const find = (name, within) => (within || main).querySelector("[data-" + name + "]");
  const all = (name, within) => Array.from((within || main).querySelectorAll("[data-" + name + "]"));

  function make(tag, text, className) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  function counted(number, thing) {
    return number.toLocaleString("en-US") + " " + thing + (number === 1 ? "" : "s");
  }

  function listed(words) {
    return words.length < 3 ? words.join(" and ") : words.slice(0, -1).join(", ") + " and " + words[words.length - 1];
  }

  // ---- Money: exact amounts as whole numbers of 10^-18, never as floating point ----

  const PLACES = 18;

  function exact(text) {
    const parts = text.replace("-", "").split(".");
    const value = BigInt(parts[0] + (parts[1] || "").padEnd(PLACES, "0"));
    return text.charAt(0) === "-" ? -value : value;
  }

  // Rounded half-up to the currency's minor unit, with a true minus sign, as the program does it (money.human).
  function human(value, places) {
    const unit = 10n ** BigInt(PLACES - places);
    const size = value < 0n ? -value : value;
    const cents = (size + unit / 2n) / unit;
    const digits = cents.toString().padStart(places + 1, "0");
    const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ",");
    return (value < 0n && cents ? "\u2212" : "") + whole + (places ? "." + digits.slice(-places) : "");
  }

  // ---- Items ----

  const items = queue.items.map(function (row) {
    const item = {};
    queue.columns.forEach((name, at) => { item[name] = row[at]; });
    const [period, label, short, isOpen, script, charges] = queue.periods[item.period];
    const [verbs, needed, asked, everyReasonAsks] = queue.kinds[item.kind];
    const [currency, places] = queue.currencies[item.currency];
    return Object.assign(item, {
      question: item.asked, period, label, short, isOpen, script, chargesPage: charges, currency, places,
      source: queue.sources[item.source][0], sourceName: queue.sources[item.source][1],
      flags: item.reasons.map((at) => queue.reasons[at][0]), title: item.reasons.map((at) => queue.reasons[at][1]).join("; "),
      project: queue.projects[item.project][0], projectPage: queue.projects[item.project][1],
      pi: queue.pis[item.pi][0], piName: queue.pis[item.pi][1], piPage: queue.pis[item.pi][2],
      service: queue.services[item.service], value: exact(item.amount), verbs, needed, asked, everyReasonAsks, branch: "",
    });
  });
  const byId = new Map(items.map((item) => [item.id, item]));

  // One sum per currency, the ledger's first.
  function sums(list) {
    return queue.currencies
      .map(([currency, places]) => {
        const own = list.filter((item) => item.currency === currency);
        return { currency, places, items: own.length, charges: own.reduce((n, item) => n + item.charges, 0), value: own.reduce((sum, item) => sum + item.value, 0n) };
      })
      .filter((sum, at) => sum.items || (!at && !list.length));
  }

  function inWords(list) {
    const charges = list.reduce((n, item) => n + item.charges, 0);
    const money = sums(list).map((sum) => sum.currency + " " + human(sum.value, sum.places));
    return [counted(list.length, "item"), counted(charges, "charge")].concat(money).join(", ");
  }

  // ---- The evidence of a month: loaded when it is first needed ----

  const months = new Map();

  window.reviewMonth = function (period, evidence) {
    const month = months.get(period);
    month.evidence = new Map(evidence.map((each) => [each.id, each]));
  };

  // Calls `then` once the month is there; with an error in words if it cannot be loaded.
  function withMonth(item, then) {
    let month = months.get(item.period);
    if (!month) {
      month = { evidence: null, waiting: [], failed: "" };
      months.set(item.period, month);
      const script = document.createElement("script");
      const done = () => month.waiting.splice(0).forEach((each) => each(month.failed));
      script.addEventListener("load", done);
      script.addEventListener("error", () => {
        month.failed = "review/" + item.script + " could not be loaded; use focus-billing review show " + item.id;
        done();
      });
      script.src = item.script;
      document.head.appendChild(script);
    }
    if (month.evidence || month.failed) then(month.failed);
    else month.waiting.push(then);
  }

  function evidenceOf(item) {
    const month = months.get(item.period);
    return month && month.evidence ? month.evidence.get(item.id) : null;
  }

  // ---- State ----

  const selected = new Set();
  const opened = new Set();
  const filters = { period: "", reason: "", source: "", pi: "" };
  let sort = { key: "amount", down: true };
  let page = 0;

  function matches(item) {
    const words = filters.pi.toLowerCase();
    return (
      (!filters.period || item.period === filters.period) &&
      (!filters.source || item.source === filters.source) &&
      (!filters.reason || item.flags.includes(filters.reason)) &&
      (!words || item.pi.toLowerCase().includes(words) || item.piName.toLowerCase().includes(words))
    );
  }

  const sizes = {
    amount: (item) => (item.value < 0n ? -item.value : item.value),
    charges: (item) => item.charges,
    waiting: (item) => (item.waiting === null ? -1 : item.waiting),
  };

  let kept = null;

  function found() {
    if (!kept) {
      const size = sizes[sort.key];
      kept = items.filter(matches);
      // Items come largest first, and sorting keeps that order among equals.
      kept.sort((one, other) => {
        const a = size(one), b = size(other);
        return a === b ? 0 : (a < b) === sort.down ? 1 : -1;
      });
    }
    return kept;
  }

  const chosen = () => items.filter((item) => selected.has(item.id));

  // What still waits for a decision: an item that a branch decides counts no more.
  const undecided = (list) => list.filter((item) => !item.branch);

  // ---- Rows ----

  const body = find("rows");
  const rowTemplate = find("row").content.firstElementChild;
  const drawn = new Map();

  function linked(cell, text, path, none) {
    cell.replaceChildren();
    if (!text) {
      if (none) cell.appendChild(make("span", none, "soft"));
      return;
    }
    const link = make(path ? "a" : "span", text);
    if (path) link.href = path;
    cell.appendChild(link);
  }

  function drawRow(item) {
    const row = rowTemplate.cloneNode(true);
    row.id = item.id;
    const box = find("pick", row), fold = find("reasons", row);
    fold.textContent = item.title;
    fold.addEventListener("click", () => toggle(item));
    box.setAttribute("aria-label", "Select " + item.title + ", " + (item.project || "no project") + ", " + item.service);
    box.addEventListener("change", () => select([item], box.checked));
    box.disabled = Boolean(item.branch);
    find("asked", row).textContent = item.question;
    if (item.branch) {
      const link = make("a", "on branch " + item.branch);
      link.href = item.branchPage;
      find("asked", row).append(item.question ? ", " : "", link);
    }
    linked(find("project", row), item.project, item.projectPage, "none");
    linked(find("pi", row), item.piName, item.piPage, "");
    find("service", row).textContent = item.service || "no service";
    find("source", row).textContent = item.sourceName;
    find("month", row).textContent = item.short;
    find("charges", row).textContent = item.charges.toLocaleString("en-US");
    find("waiting", row).textContent = item.waiting === null ? "" : item.waiting.toLocaleString("en-US");
    const held = find("held", row);
    held.textContent = human(item.value, item.places);
    if (item.currency !== queue.currencies[0][0]) held.append(" ", make("span", item.currency, "unit"));
    return row;
  }

  function mark(item) {
    const row = drawn.get(item.id);
    if (!row) return;
    row.classList.toggle("picked", selected.has(item.id));
    find("pick", row).checked = selected.has(item.id);
  }

  function drawRows() {
    const list = found();
    const last = Math.max(0, Math.ceil(list.length / queue.rows) - 1);
    page = Math.min(Math.max(page, 0), last);
    const shown = list.slice(page * queue.rows, (page + 1) * queue.rows);
    drawn.clear();
    body.replaceChildren();
    shown.forEach(function (item) {
      const row = drawRow(item);
      drawn.set(item.id, row);
      body.appendChild(row);
      mark(item);
      if (opened.has(item.id)) showEvidence(item);
    });
    if (!list.length) body.appendChild(noMatch());
    drawTotals(undecided(list));
    const pages = find("pages");
    pages.hidden = !last;
    find("where").textContent = (page * queue.rows + 1).toLocaleString("en-US") + " to " + (page * queue.rows + shown.length).toLocaleString("en-US") + " of " + list.length.toLocaleString("en-US");
    find("back").disabled = page === 0;
    find("forth").disabled = page === last;
    find("caption").textContent = "Items to decide, " + scope() + ", by " + { amount: "amount", charges: "charges", waiting: "days of waiting" }[sort.key];
    const elsewhere = list.length - undecided(list).length;
    find("found").textContent = inWords(undecided(list)) + (elsewhere ? "; " + counted(elsewhere, "more item") + " decided on branches" : "");
    markAll();
  }

  const LISTS = { period: queue.periods, reason: queue.reasons, source: queue.sources };

  // The value of a filter in words; also of one that no item has, such as a month that the address names.
  function label(name, value) {
    if (name === "pi") return "PI " + value;
    const found = LISTS[name].find((each) => each[0] === value);
    if (found) return found[1];
    const month = name === "period" && /^\d{4}-(0[1-9]|1[0-2])$/.test(value) ? new Date(value + "-01T00:00:00Z") : null;
    return month ? month.toLocaleString("en-US", { month: "long", year: "numeric", timeZone: "UTC" }) : value;
  }

  function conditions() {
    return Object.keys(filters).filter((name) => filters[name]).map((name) => label(name, filters[name]));
  }

  function scope() {
    const words = conditions();
    return (filters.period ? [] : ["all months"]).concat(words).join(", ");
  }

  function noMatch() {
    const row = make("tr", "", "none"), cell = make("td");
    cell.colSpan = 8;
    const clear = make("button", "Clear the filters", "plain");
    clear.type = "button";
    clear.addEventListener("click", function () {
      Object.keys(filters).forEach((name) => { filters[name] = ""; });
      refilter();
      find("filter").focus();
    });
    cell.append("No item matches " + listed(conditions()) + ". ", clear);
    row.appendChild(cell);
    return row;
  }

  function drawTotals(list) {
    find("totals").replaceChildren(
      ...sums(list).map(function (sum) {
        const row = make("tr");
        const head = make("th", "Total, " + scope() + ", " + counted(sum.items, "item"));
        head.scope = "row";
        head.colSpan = 4;
        const amount = make("td", human(sum.value, sum.places), "num");
        if (sum.currency !== queue.currencies[0][0]) amount.append(" ", make("span", sum.currency, "unit"));
        row.append(make("td"), head, make("td", sum.charges.toLocaleString("en-US"), "num"), make("td"), amount);
        return row;
      })
    );
  }

  // ---- Evidence ----

  function toggle(item) {
    if (opened.has(item.id)) {
      opened.delete(item.id);
      const row = drawn.get(item.id);
      find("reasons", row).setAttribute("aria-expanded", "false");
      const below = document.getElementById("evidence-" + item.id);
      if (below) below.remove();
    } else {
      opened.add(item.id);
      showEvidence(item);
    }
  }

  function showEvidence(item) {
    withMonth(item, function (failed) {
      const row = drawn.get(item.id);
      if (!row || !opened.has(item.id) || document.getElementById("evidence-" + item.id)) return;
      const below = make("tr", "", "evidence"), cell = make("td");
      below.id = "evidence-" + item.id;
      cell.colSpan = 8;
      if (failed) cell.appendChild(make("p", failed));
      else drawEvidence(cell, item, evidenceOf(item));
      below.appendChild(cell);
      row.after(below);
      find("reasons", row).setAttribute("aria-expanded", "true");
      find("reasons", row).setAttribute("aria-controls", below.id);
    });
  }

  function fact(list, label, ...content) {
    const value = make("dd", "", "text");
    value.append(...content);
    const pair = make("div");
    pair.append(make("dt", label), value);
    list.appendChild(pair);
  }

  function drawEvidence(cell, item, evidence) {
    const facts = make("dl", "", "facts");
    evidence.why.forEach(([flag, reasons]) => fact(facts, "Why it is held", reasons.join("; ") + " ", make("code", flag, "soft")));
    evidence.received.forEach(function (pieces) {
      const code = make("code", "", "raw");
      pieces.forEach(([text, atFault]) => code.append(atFault ? make("mark", text) : text));
      fact(facts, "As received", code);
    });
    evidence.nearest.forEach(([field, value, how]) => fact(facts, "Nearest known", make("code", value), " " + how + " ", useButton(item, field, value)));
    if (evidence.earlier.length) {
      fact(facts, "Last six months", ...evidence.earlier.map(function ([month, amount]) {
        const pair = make("span", "", "month");
        pair.append(make("span", month, "soft"), " ", make("span", amount, "figure"));
        return pair;
      }));
    }
    if (evidence.accounts.length) fact(facts, "Sub-account", evidence.accounts.join(", "));
    if (evidence.resources.length) fact(facts, "Resources", evidence.resources.join(", ") + (evidence.more_resources ? " and " + evidence.more_resources.toLocaleString("en-US") + " more" : ""));
    if (evidence.days) fact(facts, "Days", evidence.days);
    if (evidence.quantity) fact(facts, "Quantity", evidence.quantity);
    fact(facts, "Amounts", "list ", make("span", evidence.list, "figure"), ", billed ", make("span", evidence.billed, "figure"), " " + item.currency);
    if (item.question) fact(facts, "Question", item.question);
    cell.append(facts, drawCharges(item, evidence), chargesLink(item, evidence));
  }

  function useButton(item, field, value) {
    const button = make("button", "Use", "plain");
    button.type = "button";
    button.setAttribute("aria-label", "Use " + value + " as " + NAMES[field]);
    button.addEventListener("click", function () {
      if (!selected.has(item.id)) select([item], true);
      withForm((form) => form.use(field, value));
    });
    return button;
  }

  function drawCharges(item, evidence) {
    const table = make("table", "", "figures charges");
    const caption = evidence.more_charges ? "The " + evidence.charges.length + " largest of " + counted(item.charges, "charge") : "Charges";
    table.appendChild(make("caption", caption, "soft"));
    const head = make("tr");
    [["Days", ""], ["Resource", ""], ["Quantity \u00d7 unit price", "num"], ["List", "num"], ["Billed " + item.currency, "num"], ["File and row", ""]].forEach(function ([label, kind]) {
      const cell = make("th", label, kind);
      cell.scope = "col";
      head.appendChild(cell);
    });
    const top = make("thead"), rows = make("tbody");
    top.appendChild(head);
    evidence.charges.forEach(function ([id, days, resource, quantity, list, billed, path, number]) {
      const row = make("tr"), name = make("th"), place = make("td");
      name.scope = "row";
      name.append(make("span", resource || "no resource", "id"), make("code", id, "id second"));
      place.append(make("span", path, "id"), ", row " + number.toLocaleString("en-US"));
      row.append(make("td", days), name, make("td", quantity, "num"), make("td", list, "num"), make("td", billed, "num held"), place);
      rows.appendChild(row);
    });
    table.append(top, rows);
    return table;
  }

  function chargesLink(item, evidence) {
    const single = item.charges === 1, one = single || !item.project;
    const words = single ? "See the charge" : one ? "See the largest charge" : "See what is held of " + item.project;
    const line = make("p"), link = make("a", words);
    const where = one ? "c=" + encodeURIComponent(evidence.charges[0][0]) : "project=" + encodeURIComponent(item.project) + "&state=held";
    link.href = item.chargesPage + "#" + where;
    line.appendChild(link);
    return line;
  }

  // ---- The form: its script is loaded when something is first selected ----

  const waiting = [];

  function withForm(then) {
    if (shared.form) {
      then(shared.form);
      return;
    }
    waiting.push(then);
    if (waiting.length > 1) return;
    const script = document.createElement("script");
    script.addEventListener("load", () => waiting.splice(0).forEach((each) => each(shared.form)));
    script.src = find("form").dataset.script;
    document.head.appendChild(script);
  }

  // ---- Filters, sorting, pages, and the address ----

  const controls = find("filters");

  function fill(name, pairs) {
    const control = controls.querySelector('[data-filter="' + name + '"]');
    pairs.forEach(function ([value, label]) {
      const option = make("option", label);
      option.value = value;
      control.appendChild(option);
    });
  }

  function suggest(list, pairs, typed) {
    const words = typed.toLowerCase();
    const near = pairs.filter(([value, label]) => value && (value.toLowerCase().includes(words) || label.toLowerCase().includes(words)));
    list.replaceChildren(
      ...near.slice(0, MOST_CHOICES).map(function ([value, label]) {
        const option = make("option", label === value ? "" : label);
        option.value = value;
        return option;
      })
    );
  }

  function readAddress() {
    const text = window.location.hash.slice(1);
    const id = byId.has(text) ? text : "";
    const given = new URLSearchParams(text.includes("=") ? text : "");
    const item = byId.get(id || given.get("item"));
    if (!item && !text.includes("=") && text && drawn.size) return; // the address of something else on the page
    Object.keys(filters).forEach((name) => { filters[name] = given.get(name) || ""; });
    page = Math.max(0, (parseInt(given.get("page"), 10) || 1) - 1);
    kept = null;
    if (item) {
      page = Math.max(0, Math.floor(found().indexOf(item) / queue.rows));
      opened.add(item.id);
    }
    drawAll();
    if (item && drawn.has(item.id)) find("reasons", drawn.get(item.id)).focus();
  }

  function writeAddress() {
    const parts = Object.keys(filters).filter((name) => filters[name]).map((name) => name + "=" + encodeURIComponent(filters[name]));
    if (page) parts.push("page=" + (page + 1));
    try {
      window.history.replaceState(null, "", "#" + parts.join("&"));
    } catch (refused) {
      // Some browsers refuse this for files; the address then stays as it was.
    }
  }

  function drawAll() {
    all("filter", controls).forEach(function (control) {
      const name = control.dataset.filter, value = filters[name];
      if (control.value === value) return;
      control.value = value;
      if (control.value === value) return;
      fill(name, [[value, label(name, value)]]);
      control.value = value;
    });
    drawRows();
  }

  function refilter() {
    kept = null;
    page = 0;
    drawAll();
    writeAddress();
  }

  function turn(by) {
    page += by;
    drawRows();
    writeAddress();
    const first = body.querySelector("button");
    if (first) first.focus();
  }

  function sortable(label) {
    const head = label.closest("th"), button = make("button", "", "sort");
    button.type = "button";
    button.append(...label.childNodes);
    label.replaceWith(button);
    button.addEventListener("click", function () {
      const key = label.dataset.sort;
      sort = { key, down: sort.key === key ? !sort.down : true };
      head.parentNode.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      kept = null;
      page = 0;
      drawRows();
    });
  }

  // ---- Selection ----

  const bar = find("bar");
  const pickers = [];

  function select(list, on) {
    const none = !selected.size;
    list.forEach((item) => {
      if (on && !item.branch) selected.add(item.id);
      else selected.delete(item.id);
      mark(item);
    });
    markAll();
    withForm((form) => form.draw(none));
  }

  function markAll() {
    const shown = Array.from(drawn.keys()).filter((id) => !byId.get(id).branch);
    const on = shown.filter((id) => selected.has(id)).length;
    pickers.forEach((box) => {
      box.checked = on > 0 && on === shown.length;
      box.indeterminate = on > 0 && on < shown.length;
    });
    const list = chosen();
    bar.hidden = !list.length;
    find("selected").textContent = inWords(list);
    const rest = undecided(found()).filter((item) => !selected.has(item.id));
    const more = find("more");
    more.hidden = !rest.length || on < shown.length;
    more.textContent = "Select all " + counted(undecided(found()).length, "item");
  }

  // Items that branches decide: the branch of each by the item's id, and the page of a branch by its name.
  function elsewhere(branches, pageOf) {
    const changed = items.filter((item) => item.branch !== (branches[item.id] || ""));
    if (!changed.length) return;
    changed.forEach(function (item) {
      item.branch = branches[item.id] || "";
      item.branchPage = item.branch && pageOf(item.branch);
      if (item.branch) selected.delete(item.id);
    });
    drawRows();
    if (shared.form) shared.form.draw(false);
  }

  function picker(box) {
    box.addEventListener("change", () => select(Array.from(drawn.keys(), (id) => byId.get(id)), box.checked));
    pickers.push(box);
  }

  // ---- Start ----

  function startQueue() {
    document.querySelectorAll("[data-plain]").forEach((element) => { element.hidden = true; });
    fill("period", queue.periods.slice().sort());
    ["reason", "source"].forEach((name) => fill(name, LISTS[name].slice().sort((one, other) => (one[1] < other[1] ? -1 : 1))));
    controls.addEventListener("submit", (event) => event.preventDefault());
    controls.addEventListener("input", function (event) {
      filters[event.target.dataset.filter] = event.target.value.trim();
      refilter();
    });
    const pi = controls.querySelector('[data-filter="pi"]');
    pi.addEventListener("focus", () => suggest(document.getElementById("pis"), queue.pis.map((each) => [each[0], each[1]]), ""));
    all("sort").forEach(sortable);
    const head = make("th"), box = make("input");
    head.className = "pick";
    head.scope = "col";
    box.type = "checkbox";
    box.setAttribute("aria-label", "Select all items on this page");
    head.appendChild(box);
    main.querySelector("thead .pick").replaceWith(head);
    picker(box);
    const narrow = find("pick-all");
    narrow.hidden = false;
    picker(narrow.querySelector("input"));
    controls.hidden = false;
    find("back").addEventListener("click", () => turn(-1));
    find("forth").addEventListener("click", () => turn(1));
    find("more").addEventListener("click", () => select(found(), true));
    find("clear").addEventListener("click", () => {
      select(chosen(), false);
      const first = body.querySelector("button, input");
      if (first) first.focus();
    });
    find("decide").addEventListener("click", () => document.getElementById("deciding").focus());
  }

  // What review_form.js uses; it adds `form`. The web program uses `elsewhere`.
  const shared = { elsewhere, queue, main, byId, find, all, make, counted, listed, exact, human, inWords, withMonth, evidenceOf, chosen, suggest, NAMES };
  window.reviewPage = shared;

  startQueue();
  readAddress();
  window.addEventListener("hashchange", readAddress);
})();
