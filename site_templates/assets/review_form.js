// The form of the review page: the approval file of a decision on any number of items. Only Proposal in
// ledger/approval_text.py knows how a decision is written; the first lines of each come from there, and a test compares
// the rest byte for byte. Loaded by review.js when something is first selected.
(function () {
  "use strict";

  const page = window.reviewPage;
  const { queue, main, find, all, make, counted, listed, inWords, withMonth, evidenceOf, chosen, suggest, NAMES } = page;

  const FIELDS = queue.writing.payer;
  const VERBS = ["approve", "reassign", "reject"];
  const MOST_SHOWN = 20000; // characters of a file in the preview

  const known = new Map(queue.known.projects.map((each) => [each[0], each]));
  const external = new Set(queue.known.external);
  const people = new Set(queue.known.people.map((each) => each[0]).concat(queue.known.aliases));
  const funds = new Set(queue.known.funds);

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

  // What was typed, trimmed of the same characters as the program trims when it reads the file.
  function typed(input) {
    return input.value.replace(/^[\s\x1c-\x1f\x85]+|[\s\x1c-\x1f\x85]+$/g, "");
  }

  function choose(verb) {
    touched = true;
    radios.forEach((radio) => { radio.checked = radio.value === verb; });
  }

  function decision() {
    const chosenVerb = radios.find((radio) => radio.checked && !radio.disabled);
    const made = { verb: chosenVerb ? chosenVerb.value : "", reason: typed(find("reason", form)), by: typed(find("by", form)), on: today() };
    inputs.forEach((input) => { made[input.dataset.field] = input.dataset.given ? "" : typed(input); });
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

  // A value of the evidence, put into its field.
  function use(field, value) {
    if (allowed(chosen()).includes("reassign")) choose("reassign");
    const input = form.querySelector('[data-field="' + field + '"]');
    input.value = value;
    edited(input);
    input.focus();
  }

  function edited(input) {
    if (input.dataset.field && input.dataset.field !== "project") input.dataset.given = "";
    draw(false);
  }

  // afresh: nothing was selected before, so the program chooses the decision again.
  function draw(afresh) {
    const list = chosen();
    if (afresh) touched = false;
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
    const flash = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
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

  function start() {
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

  const by = find("by", form);
  by.value = by.value || remembered("");
  start();
  page.form = { draw, use, file: () => ({ path, text }) };

  // For tests: what must agree with the program.
  page.writer = { quoted, fileText, payerOf, pathOf };
})();
