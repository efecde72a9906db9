// The search box: PIs, projects, funds, statements by number, pages, and the resources of the page's month. What it searches
// is loaded when it is first used.
(function () {
  "use strict";

  var place = document.querySelector(".search-place");
  if (!place) return;
  var up = document.body.dataset.root.replace(/index\.html$/, "");
  var MOST = 12;
  var MOST_RESOURCES = 4; // beside other things found
  var engine = null;
  var rows = [];
  var statements = [];
  var resources = [];
  var state = "";

  var input = document.createElement("input");
  var list = document.createElement("ul");
  var status = document.createElement("span");
  input.type = "search";
  input.placeholder = "Search";
  input.setAttribute("aria-label", "Search PIs, projects, funds, statements, resources and pages");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", "found");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-keyshortcuts", "/");
  input.autocomplete = "off";
  list.id = "found";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Found");
  status.className = "hidden";
  status.setAttribute("role", "status");
  place.append(input, list, status);

  function load(name, then) {
    var script = document.createElement("script");
    script.src = up + name;
    script.addEventListener("load", then);
    script.addEventListener("error", function () {
      state = "";
      status.textContent = "The search index could not be loaded";
    });
    document.head.append(script);
  }

  function start() {
    if (state) return;
    state = "loading";
    load("assets/vendor/minisearch.js", function () {
      load("assets/index.js", function () {
        var data = window.portal.index;
        rows = data.rows;
        Object.keys(data.statements).reverse().forEach(function (month) {
          data.statements[month].forEach(function (each) {
            statements.push([month + "-" + each[0], month, each[1], each[2]]);
          });
        });
        engine = new window.MiniSearch({
          fields: ["label", "detail"],
          searchOptions: { prefix: true, fuzzy: 0.15, boost: { label: 3 }, combineWith: "AND" },
        });
        engine.addAll(rows.map(function (row, number) {
          return { id: number, label: row[1], detail: row[2] };
        }));
        state = "ready";
        find();
      });
    });
    if (place.dataset.resources) load(place.dataset.resources, readResources);
  }

  function readResources() {
    var bytes = Uint8Array.from(atob(window.portal.resources), function (char) { return char.charCodeAt(0); });
    new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json().then(function (found) {
      resources = found.map(function (each) {
        return { name: each[0], id: each[1], text: (each[0] + " " + each[1]).toLowerCase() };
      });
      find();
    });
  }

  // Resources that contain every word; first those that start with the first one.
  function byResource(text) {
    var words = text.split(/\s+/);
    if (text.length < 3) return [];
    var first = [], others = [];
    resources.forEach(function (each) {
      if (!words.every(function (word) { return each.text.indexOf(word) >= 0; })) return;
      (each.text.indexOf(words[0]) ? others : first).push(each);
    });
    return first.concat(others).slice(0, MOST).map(function (each) {
      var detail = [each.id, place.dataset.when].filter(Boolean).join(", ");
      return ["Resource", each.name, detail, place.dataset.charges + "#resource=" + encodeURIComponent(each.name)];
    });
  }

  function byNumber(text) {
    var found = [];
    if (text.length < 4) return found;
    for (var i = 0; i < statements.length && found.length < MOST; i += 1) {
      var each = statements[i];
      if (each[0].indexOf(text) < 0) continue;
      var payers = window.portal.index.payers;
      var path = "statements/" + each[1] + "/" + payers[each[2]][0] + "/" + payers[each[3]][0] + ".html";
      found.push(["Statement", each[0], payers[each[3]][1] + ", " + payers[each[2]][1], path]);
    }
    return found;
  }

  function find() {
    var text = input.value.trim();
    if (state !== "ready" || !text) return show([], text);
    var found = engine.search(text).slice(0, MOST).map(function (hit) {
      return rows[hit.id];
    });
    var used = byResource(text.toLowerCase());
    found = byNumber(text.toLowerCase()).concat(found).slice(0, MOST - Math.min(MOST_RESOURCES, used.length));
    show(found.concat(used).slice(0, MOST), text);
  }

  function show(found, text) {
    list.textContent = "";
    found.forEach(function (row, number) {
      var item = document.createElement("li");
      item.id = "found-" + number;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.dataset.path = row[3];
      [["kind", row[0]], ["label", row[1]], ["detail", row[2]]].forEach(function (part) {
        var span = document.createElement("span");
        span.className = part[0];
        span.textContent = part[1];
        item.append(span);
      });
      list.append(item);
    });
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    input.removeAttribute("aria-activedescendant");
    status.textContent = text && state === "ready" ? found.length + " found" : "";
  }

  function chosen() {
    return list.querySelector("[aria-selected=true]");
  }

  function move(step) {
    var items = Array.prototype.slice.call(list.children);
    if (!items.length) return;
    var now = items.indexOf(chosen());
    var next = items[(now + step + items.length + (now < 0 && step < 0 ? 1 : 0)) % items.length];
    if (now >= 0) items[now].setAttribute("aria-selected", "false");
    next.setAttribute("aria-selected", "true");
    next.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", next.id);
  }

  function go(item) {
    location.href = up + item.dataset.path;
  }

  list.addEventListener("mousedown", function (event) {
    event.preventDefault(); // so that the box keeps the focus, and the list stays open
  });
  list.addEventListener("click", function (event) {
    var item = event.target.closest("li");
    if (item) go(item);
  });

  function close() {
    show([], "");
  }

  input.addEventListener("focus", start);
  input.addEventListener("input", find);
  input.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      var item = chosen() || list.firstElementChild;
      if (item) go(item);
    } else if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    }
  });
  place.addEventListener("focusout", function (event) {
    if (!place.contains(event.relatedTarget)) close();
  });
  input.addEventListener("focus", find);
  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    open();
  });

  // On a phone the box is out of sight until it is asked for.
  function open() {
    document.body.classList.add("searching");
    input.focus();
  }
  var asked = document.querySelector("[data-search]");
  if (asked) {
    asked.hidden = false;
    asked.addEventListener("click", function () {
      asked.closest("details").open = false;
      open();
    });
  }
})();
