
// What the web program adds to the portal's pages: who is signed in, its menu, and a note when there is a newer build.
(function () {
  "use strict";

  const address = (path) => new URL("/" + path, location.href).href;
  const preview = (/^\/web\/preview\/([0-9a-f]+)\//.exec(location.pathname) || [])[1];
  const EVERY = 5000;
  let shown = null;

  function make(name, text, classes) {
    const element = document.createElement(name);
    element.textContent = text;
    if (classes) element.className = classes;
    return element;
  }

  const PAGES = [
    ["watch", "web/todo", "To do"], ["import", "web/import", "Import"], ["watch", "web/proposals", "Proposals"],
    ["close", "web/months", "Months"], ["directory", "web/directory", "Directory"], ["audit", "web/audit", "Audit log"],
    ["read", "web/account", "Account"],
  ];

  function links(state) {
    return PAGES.filter(([action]) => state.may.includes(action)).map(function ([, path, label]) {
      const item = make("li", "");
      const link = make("a", label);
      link.href = address(path);
      item.append(link);
      return item;
    });
  }

  // On wide screens a menu of its own; on phones at the end of More.
  function account(state) {
    const tools = document.querySelector(".top .tools"), more = document.querySelector(".nav .more ul");
    if (!tools || tools.querySelector("[data-web]")) return;
    const menu = make("details", "", "menu");
    menu.dataset.web = menu.dataset.menu = "";
    menu.append(make("summary", state.name));
    const list = make("ul", "");
    list.append(...links(state));
    menu.append(list);
    tools.append(menu);
    if (more) more.append(...links(state));
  }

  // The notes above the page: text, the address of the page it leads to, and the words of the link.
  function notes(state) {
    const found = [];
    if (preview) found.push(["This is what the portal shows once the branch is merged; nothing of it counts yet.", address("web/previewed/" + preview), "Back to the proposal"]);
    else if (state.broken) found.push(["The ledger has problems; these pages are from " + state.at + ".", address("web/problems"), "See the problems"]);
    else if (shown !== null && state.build > shown) found.push(["The ledger has changed.", location.href, "Show the new page"]);
    if (!preview && state.waiting && /^\/(index\.html)?$/.test(location.pathname)) {
      found.push([state.waiting + (state.waiting === 1 ? " change is" : " changes are") + " waiting on branches.", address("web/todo"), "To do"]);
    }
    return found;
  }

  function note(state) {
    const found = notes(state), key = JSON.stringify(found);
    const old = document.querySelector("[data-web-note]");
    if (old && old.dataset.webNote === key) return;
    if (old) old.remove();
    if (!found.length) return;
    const bar = make("div", "", "wrap notice");
    bar.dataset.webNote = key;
    bar.setAttribute("role", "status");
    found.forEach(function ([text, path, label]) {
      const line = make("p", text + " "), link = make("a", label);
      link.href = path;
      line.append(link);
      bar.append(line);
    });
    document.querySelector("header.top").after(bar);
  }

  // ---- The review page ----

  function review(state) {
    const main = document.querySelector("[data-review]");
    if (!main || !window.reviewPage) return;
    if (preview || !state.may.includes("review")) readOnly(main);
    else commits(main.querySelector("[data-form]"), state);
    if (!preview) window.reviewPage.elsewhere(state.branches, (name) => address("web/proposals/" + name.split("/").map(encodeURIComponent).join("/")));
  }

  // The queue without its form, for those who do not decide.
  function readOnly(main) {
    if (main.classList.contains("read-only")) return;
    main.classList.add("read-only");
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = address("web/assets/portal_hook.css");
    document.head.append(style);
  }

  // The button that commits the form's file. The form's page sends nothing itself: its policy forbids that.
  function commits(form, state) {
    if (form.querySelector("[data-commit]")) return;
    const by = form.querySelector("[data-by]"), copy = form.querySelector("[data-copy]");
    by.value = state.email;
    by.readOnly = true;
    by.dispatchEvent(new Event("input", { bubbles: true }));
    const button = make("button", "Commit on a branch", "button");
    button.type = "button";
    button.dataset.commit = "";
    const follow = () => { button.disabled = copy.disabled; };
    new MutationObserver(follow).observe(copy, { attributes: true, attributeFilter: ["disabled"] });
    follow();
    button.addEventListener("click", function () {
      sessionStorage.setItem("decisions", JSON.stringify(Object.assign({ fresh: true }, window.reviewPage.form.file())));
      location.href = address("web/decisions");
    });
    form.querySelector(".actions").prepend(button);
  }

  // ---- Credits ----

  let charge = null;
  document.addEventListener("charge", function (event) {
    charge = event;
    if (window.webProgram.now) credits(window.webProgram.now);
  });

  // Links to the form: on the review page, and on an open charge of a closed month.
  function credits(state) {
    if (preview || !state.closed.length) return;
    const review = /^\/review\/(index\.html)?$/.test(location.pathname) && document.querySelector("main .title");
    if (review) credit(review.lastElementChild, "Credit charges of a closed month", {});
    if (!charge || !state.closed.includes(charge.detail.period) || !["billed", "shown"].includes(charge.detail.state)) return;
    const { id, period } = charge.detail;
    credit(charge.target.querySelector(".pairs"), "Credit this charge", { of: period, charge: id });
  }

  function credit(after, words, given) {
    if (after.parentNode.querySelector("[data-credit]")) return;
    const line = make("p", ""), link = make("a", words);
    line.dataset.credit = "";
    link.href = address("web/credit") + "?" + new URLSearchParams(given);
    line.append(link);
    after.after(line);
  }

  window.webProgram = {
    address,
    listeners: [],
    state: function (state) {
      window.webProgram.now = state;
      account(state);
      if (shown === null) shown = state.build;
      note(state);
      review(state);
      credits(state);
      window.webProgram.listeners.forEach((listener) => listener(state));
    },
  };

  function ask() {
    if (document.hidden) return;
    const script = document.createElement("script");
    script.src = address("web/state.js") + "?" + Date.now();
    script.onload = script.onerror = () => script.remove();
    document.head.append(script);
  }

  // The answer may be here before the page's own scripts have run.
  document.addEventListener("DOMContentLoaded", () => window.webProgram.now && review(window.webProgram.now));
  ask();
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
})();
