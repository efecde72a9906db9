// The review queue: filters, evidence, and the approval file of a decision on any number of items. A classic script, so
// that it also runs from file://. What it shows and writes comes from review/items.js and review/<month>.js; texts reach
// the page as text only. Without it, the page lists the largest items with the commands that decide them.
(function () {
  "use strict";

  const queue = window.reviewQueue;
  const main = document.querySelector("[data-review]");
  if (!queue || !main) return;

  const FIELDS = queue.writing.payer;
  const NAMES = { pi: "PI", project: "project", fund: "fund" };
  const VERBS = ["approve", "reassign", "reject"];
  const MOST_SHOWN = 20000; // characters of a file in the preview
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
      service: queue.services[item.service], value: exact(item.amount), verbs, needed, asked, everyReasonAsks,
    });
  });
  const byId = new Map(items.map((item) => [item.id, item]));
  const known = new Map(queue.known.projects.map((each) => [each[0], each]));
  const external = new Set(queue.known.external);
  const people = new Set(queue.known.people.map((each) => each[0]).concat(queue.known.aliases));
  const funds = new Set(queue.known.funds);

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

  // ---- Writing: the same bytes as ledger/approval_text.py ----

  const SHORT = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const codes = queue.writing.escaped.map(([first, last]) => "\\u{" + first.toString(16) + "}-\\u{" + last.toString(16) + "}");
  const UNSAFE = new RegExp("[" + codes.join("") + '"\\\\]', "gu");

  function quoted(text) {
    const escaped = (char) => SHORT[char] || "\\U" + char.codePointAt(0).toString(16).padStart(8, "0");
    return '"' + text.replace(UNSAFE, escaped) + '"';
  }

  // What the directory says of a project for the days of an item: PI and fund; null if that changes within these days.
  function entryFor(project, item) {
    const entries = known.get(project)[2];
    const on = (day) => entries.find(([since, until]) => (!since || since <= day) && (!until || day <= until));
    if (!item.first) return entries[0] || ["", "", "", ""];
    const first = on(item.first);
    if (first !== on(item.last)) return null;
    // Both ends are in one entry, or in none; then none may lie between.
    return first || (entries.some(([since]) => since && item.first < since && since <= item.last) ? null : ["", "", "", ""]);
  }

  // Who pays for an item after a decision: what was typed, else what the directory says of the project.
  function payerOf(item, decision) {
    const payer = { pi: decision.pi, project: decision.project, fund: decision.fund };
    const entry = decision.project && known.has(decision.project) ? entryFor(decision.project, item) : null;
    if (entry) {
      payer.pi = payer.pi || entry[2];
      payer.fund = payer.fund || entry[3];
    }
    return payer;
  }

  function decisionText(item, opening, decision) {
    const payer = decision.verb === "reassign" ? payerOf(item, decision) : {};
    const set = FIELDS.filter((name) => payer[name]).map((name) => name + ": " + quoted(payer[name])).join(", ");
    const lines = {
      decision: decision.verb, set: set && "{" + set + "}", reason: quoted(decision.reason), by: quoted(decision.by), on: decision.on,
    };
    return opening + queue.writing.closing.filter((key) => lines[key]).map((key) => "    " + key + ": " + lines[key] + "\n").join("");
  }

  function fileText(list, decision) {
    return queue.writing.schema + "decisions:\n" + list.map((item) => decisionText(item, evidenceOf(item).opening, decision)).join("");
  }

  // The month whose folder takes the decisions: the open month of the items, else the ledger's for closed months.
  function folderOf(list) {
    const open = list.filter((item) => item.isOpen).map((item) => item.period);
    return open.length ? open.reduce((one, other) => (one > other ? one : other)) : queue.folder;
  }

  function pathOf(list) {
    const first = evidenceOf(list[0]).name;
    return "approvals/" + folderOf(list) + "/" + first + (list.length > 1 ? "-and-" + (list.length - 1) + "-more" : "") + ".yaml";
  }

  // The address that proposes the file on the host, and whether it carries the content.
  function proposal(path, text) {
    const address = queue.host.new.replace("{path}", () => path);
    if (!queue.host.prefilled || text.length > queue.host.most) return { address, carries: false };
    const full = address + "&value=" + encodeURIComponent(text);
    return full.length <= queue.host.most ? { address: full, carries: true } : { address, carries: false };
  }

  // ---- What a decision still lacks, in words ----

  function valueFaults(decision) {
    const faults = [];
    const { pi, project, fund } = decision;
    if (pi && !new RegExp("^(?:" + queue.known.email + ")$", "u").test(pi)) faults.push("the PI must be an email address");
    else if (pi && queue.known.people.length && !people.has(pi.toLowerCase())) faults.push("the PI is not in the directory: " + pi);
    if (project && known.size && !known.has(project)) faults.push("the project is not in the directory: " + project);
    if (fund && !fitsFund(fund)) faults.push("the fund matches no configured pattern: " + fund);
    else if (fund && funds.size && !funds.has(fund)) faults.push("the fund is not in the directory: " + fund);
    return faults;
  }

  function fitsFund(fund) {
    if (!queue.known.fund_patterns.length) return true;
    return queue.known.fund_patterns.some(function (text) {
      try {
        return new RegExp("^(?:" + text.replace(/\(\?P</g, "(?<") + ")$", "u").test(fund);
      } catch (foreign) {
        return true; // RE2 syntax that browsers do not have; the check of the pull request decides
      }
    });
  }

  function lackingFields(list, decision) {
    const missing = new Set();
    list.forEach(function (item) {
      const payer = payerOf(item, decision);
      // A project whose PI and fund change within the item's days still gives them, by the day of each charge.
      const dated = decision.project && known.has(decision.project) && !entryFor(decision.project, item);
      item.needed.forEach(function (name) {
        const invoiced = name === "fund" && external.has((payer.pi || item.pi).toLowerCase());
        if (!payer[name] && !invoiced && !(dated && name !== "project")) missing.add(NAMES[name]);
      });
    });
    return Array.from(missing);
  }

  function lacking(list, decision) {
    const missing = [];
    if (decision.verb === "reassign") {
      missing.push(...lackingFields(list, decision));
      if (!missing.length && !FIELDS.some((name) => decision[name])) missing.push("project, PI or fund");
    }
    if (!decision.verb) missing.push("a decision");
    if (!decision.reason) missing.push("a reason");
    if (!decision.by) missing.push("your name");
    const faults = decision.verb === "reassign" ? valueFaults(decision) : [];
    const still = missing.length ? ["Still needed: " + listed(missing) + "."] : [];
    return still.concat(faults.map((fault) => fault.charAt(0).toUpperCase() + fault.slice(1) + "."));
  }

  // Why these items cannot go into one file; empty if they can.
  function apart(list) {
    const open = Array.from(new Set(list.filter((item) => item.isOpen).map((item) => item.label)));
    if (open.length > 1) {
      return "These items are of " + open.length + " open months, " + listed(open) + ", and each open month has files of its own. Filter by month, and decide one month at a time.";
    }
    const late = list.find((item) => !item.isOpen && item.period >= folderOf(list));
    return late ? late.label + " is closed, and no later month is open. Open one to decide its items." : "";
  }

  // The decisions that all of these items allow. Several items are reassigned together only if all ask for one field.
  function allowed(list) {
    const shared = FIELDS.filter((name) => list.every((item) => item.asked.includes(name)));
    return VERBS.filter((verb) => list.every((item) => item.verbs.includes(verb)) && (verb !== "reassign" || list.length === 1 || shared.length));
  }

  function whyNot(list, verbs) {
    const reasons = [];
    const foreign = list.filter((item) => !item.verbs.includes("reassign"));
    if (foreign.length) reasons.push(counted(foreign.length, "item") + " in another currency can only be rejected.");
    const unpayable = list.filter((item) => item.verbs.includes("reassign") && !item.verbs.includes("approve"));
    if (unpayable.length) reasons.push(counted(unpayable.length, "item") + " cannot be approved as is: no one would pay (" + unpayable[0].title + ").");
    if (!verbs.includes("reassign") && !foreign.length) reasons.push("To reassign several items, select items that ask for the same field.");
    return reasons.join(" ");
  }

  // For tests: the parts that must agree with the program.
  window.reviewWriter = { quoted, decisionText, exact, human, payerOf, byId, evidenceOf, withMonth, fileText, pathOf, proposal };

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
    find("asked", row).textContent = item.question;
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
    drawTotals(list);
    const pages = find("pages");
    pages.hidden = !last;
    find("where").textContent = (page * queue.rows + 1).toLocaleString("en-US") + " to " + (page * queue.rows + shown.length).toLocaleString("en-US") + " of " + list.length.toLocaleString("en-US");
    find("back").disabled = page === 0;
    find("forth").disabled = page === last;
    find("caption").textContent = "Items to decide, " + scope() + ", by " + { amount: "amount", charges: "charges", waiting: "days of waiting" }[sort.key];
    find("found").textContent = inWords(list);
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
      if (allowed(chosen()).includes("reassign")) choose("reassign");
      const input = form.querySelector('[data-field="' + field + '"]');
      input.value = value;
      input.dataset.given = "";
      edited(input);
      input.focus();
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
      if (on) selected.add(item.id);
      else selected.delete(item.id);
      mark(item);
    });
    markAll();
    if (none && selected.size) start();
    drawForm();
  }

  function markAll() {
    const shown = Array.from(drawn.keys());
    const on = shown.filter((id) => selected.has(id)).length;
    pickers.forEach((box) => {
      box.checked = on > 0 && on === shown.length;
      box.indeterminate = on > 0 && on < shown.length;
    });
    const list = chosen();
    bar.hidden = !list.length;
    find("selected").textContent = inWords(list);
    const rest = found().filter((item) => !selected.has(item.id));
    const more = find("more");
    more.hidden = !rest.length || on < shown.length;
    more.textContent = "Select all " + counted(found().length, "item");
  }

  function picker(box) {
    box.addEventListener("change", () => select(Array.from(drawn.keys(), (id) => byId.get(id)), box.checked));
    pickers.push(box);
  }

  // ---- The form ----

  const form = find("form");
  const radios = Array.from(form.querySelectorAll("[name=verb]"));
  const inputs = all("field", form);
  let touched = false; // whether the person chose the decision

  function remembered(name) {
    try {
      if (name) localStorage.setItem("reviewer", name);
      return localStorage.getItem("reviewer") || "";
    } catch (refused) {
      return ""; // storage may be disabled
    }
  }

  function today() {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    return now.getFullYear() + "-" + two(now.getMonth() + 1) + "-" + two(now.getDate());
  }

  function start() {
    touched = false;
    const by = find("by", form);
    if (!by.value) by.value = remembered("");
  }

  function choose(verb) {
    touched = true;
    radios.forEach((radio) => { radio.checked = radio.value === verb; });
  }

  function decision() {
    const chosenVerb = radios.find((radio) => radio.checked && !radio.disabled);
    const made = { verb: chosenVerb ? chosenVerb.value : "", reason: find("reason", form).value.trim(), by: find("by", form).value.trim(), on: today() };
    inputs.forEach((input) => { made[input.dataset.field] = input.dataset.given ? "" : input.value.trim(); });
    return made;
  }

  // Values that the directory gives for the project are filled in, unless the person typed others.
  function fillIn(list) {
    const project = form.querySelector('[data-field="project"]').value.trim();
    const entries = known.has(project) ? list.map((item) => entryFor(project, item)) : [];
    const words = [];
    [["pi", 2], ["fund", 3]].forEach(function ([name, at]) {
      const input = form.querySelector('[data-field="' + name + '"]');
      const values = new Set(entries.map((entry) => (entry ? entry[at] : null)));
      const value = values.size === 1 ? Array.from(values)[0] : "";
      if (input.dataset.given && input.value.trim()) input.value = "";
      if (!input.value.trim()) {
        input.value = value || "";
        input.dataset.given = value ? "yes" : "";
        if (value) words.push(NAMES[name]);
        else if (values.size > 1 || values.has(null)) words.push(NAMES[name] + " by the day of each charge");
      }
    });
    const title = known.has(project) && known.get(project)[1];
    find("note", form).textContent = words.length ? listed(words) + " from the directory" + (title ? ", " + title : "") + "." : "";
  }

  function edited(input) {
    if (input.dataset.field && input.dataset.field !== "project") input.dataset.given = "";
    drawForm();
  }

  function drawForm() {
    const list = chosen();
    form.hidden = !list.length;
    main.classList.toggle("open", !form.hidden);
    if (!list.length) return;
    const verbs = allowed(list);
    const first = list.every((item) => item.everyReasonAsks) && verbs.includes("reassign") ? "reassign" : verbs.includes("approve") ? "approve" : verbs[0];
    radios.forEach((radio) => {
      radio.disabled = !verbs.includes(radio.value);
      if (!touched || radio.disabled) radio.checked = false;
    });
    if (!radios.some((radio) => radio.checked)) radios.forEach((radio) => { radio.checked = radio.value === first; });
    find("about", form).textContent = inWords(list);
    find("cannot", form).textContent = whyNot(list, verbs);
    find("payer", form).hidden = !radios.find((radio) => radio.value === "reassign").checked;
    fillIn(list);
    const periods = Array.from(new Map(list.map((item) => [item.period, item])).values());
    let waiting = periods.length;
    periods.forEach((item) => withMonth(item, function (failed) {
      waiting -= 1;
      if (failed) settle([failed]);
      else if (!waiting && chosen().length === list.length) drawFile(list);
    }));
  }

  let text = "", path = "";

  function drawFile(list) {
    const made = decision();
    const why = apart(list);
    const missing = why ? [why] : lacking(list, made);
    text = fileText(list, made);
    path = pathOf(list);
    find("path", form).textContent = path;
    const lines = text.length > MOST_SHOWN ? text.slice(0, text.lastIndexOf("\n", MOST_SHOWN) + 1) : text;
    find("text", form).textContent = lines + (lines.length < text.length ? "\u2026 and " + counted(text.slice(lines.length).split("\n").length - 1, "more line") + "; Copy and Download have all of them\n" : "");
    settle(missing, list.length);
  }

  // What is missing, or that the file is complete; the ways out are off until it is.
  function settle(missing, number) {
    const complete = !missing.length;
    const state = find("state", form), link = find("propose", form), hand = find("by-hand", form);
    const said = complete ? "This file settles " + counted(number, "item") + "." : missing.join(" ");
    if (state.textContent !== said) state.textContent = said;
    state.classList.toggle("complete", complete);
    find("copy", form).disabled = find("download", form).disabled = !complete;
    hand.hidden = true;
    if (!link) return;
    const target = complete ? proposal(path, text) : null;
    if (target && (target.carries || !queue.host.upload)) {
      link.href = target.address;
      link.removeAttribute("aria-disabled");
    } else {
      link.removeAttribute("href");
      link.setAttribute("aria-disabled", "true");
    }
    if (target && !target.carries) byHand(hand, target);
  }

  function byHand(hand, target) {
    hand.hidden = false;
    hand.replaceChildren();
    if (!queue.host.upload) {
      hand.append("Copy the text first: " + queue.host.name + " opens an empty file.");
      return;
    }
    const upload = make("a", "upload it to " + queue.host.name);
    upload.href = queue.host.upload.replace("{folder}", () => path.slice(0, path.lastIndexOf("/")));
    upload.rel = "noopener noreferrer";
    hand.append("The file is too long for a link. Download it, then ", upload, ", which opens a pull request.");
  }

  function copied(button) {
    const label = button.textContent;
    const flash = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = label; }, 1600);
    };
    const byCommand = () => {
      const area = make("textarea", "", "hidden");
      area.value = text;
      form.appendChild(area);
      area.select();
      const worked = document.execCommand("copy");
      area.remove();
      button.focus();
      flash(worked ? "Copied" : "Not copied: select the text");
    };
    if (!navigator.clipboard || !window.isSecureContext) return byCommand();
    return navigator.clipboard.writeText(text).then(() => flash("Copied"), byCommand);
  }

  function download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
    link.download = path.slice(path.lastIndexOf("/") + 1);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- Start ----

  function startForm() {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", function (event) {
      if (event.target.name === "verb") touched = true;
      edited(event.target);
    });
    find("by", form).addEventListener("change", (event) => remembered(event.target.value.trim()));
    find("copy", form).addEventListener("click", (event) => copied(event.target));
    find("download", form).addEventListener("click", download);
    const lists = { project: queue.known.projects, pi: queue.known.people };
    inputs.filter((input) => lists[input.dataset.field]).forEach(function (input) {
      const list = document.getElementById(input.getAttribute("list"));
      const offer = () => suggest(list, lists[input.dataset.field], input.value.trim());
      input.addEventListener("focus", offer);
      input.addEventListener("input", offer);
    });
  }

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

  startForm();
  startQueue();
  readAddress();
  window.addEventListener("hashchange", readAddress);
})();
