
// What the web program adds to the portal's pages: who is signed in, its menu, and a note when there is a newer build.
(function () {
  "use strict";

  const home = new URL(document.body.dataset.root, location.href);
  const address = (path) => new URL(path, home).href;
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

  function note(state) {
    let text = "", path = "";
    if (state.broken) {
      text = "The ledger has problems; these pages are from " + state.at + ".";
      path = "web/problems";
    } else if (shown !== null && state.build > shown) {
      text = "The ledger has changed.";
      path = location.href;
    }
    const old = document.querySelector("[data-web-note]");
    if (old && old.dataset.webNote === text) return;
    if (old) old.remove();
    if (!text) return;
    const bar = make("p", text + " ", "wrap notice");
    bar.dataset.webNote = text;
    bar.setAttribute("role", "status");
    const link = make("a", state.broken ? "See the problems" : "Show the new page");
    link.href = state.broken ? address(path) : path;
    bar.append(link);
    document.querySelector("header.top").after(bar);
  }

  window.webProgram = {
    address,
    listeners: [],
    state: function (state) {
      window.webProgram.now = state;
      account(state);
      if (shown === null) shown = state.build;
      note(state);
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

  ask();
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
})();
