// Page behavior: theme, sorting, copying. A classic script, so that it also runs from file://.
// Without it, everything can still be read; controls that need it are hidden until it runs.
(function () {
  "use strict";

  function theme() {
    var root = document.documentElement;
    var button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    var dark = window.matchMedia("(prefers-color-scheme: dark)");
    function isDark() {
      return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    }
    function say() {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", "Switch to " + (isDark() ? "light" : "dark") + " colors");
    }
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch (error) {
        // Storage may be disabled; the choice then lasts as long as the page.
      }
      say();
    });
    dark.addEventListener("change", say);
    say();
    button.hidden = false;
  }

  function numeric(text) {
    var value = Number(text);
    return isNaN(value) ? 0 : value;
  }

  function key(row, column, kind) {
    var cell = row.cells[column];
    var text = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
    return kind === "num" ? numeric(text) : text.toLocaleLowerCase();
  }

  function sortable(table) {
    var body = table.tBodies[0];
    if (!body || body.rows.length < 2) return;
    table.querySelectorAll("th[data-sort]").forEach(function (head) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      var label = head.querySelector(".sort");
      while (label.firstChild) button.appendChild(label.firstChild);
      label.replaceWith(button);
      button.addEventListener("click", function () {
        var kind = head.dataset.sort;
        var now = head.getAttribute("aria-sort");
        // Numbers sort from the largest first, names from A.
        var down = now ? now === "ascending" : kind === "num";
        table.querySelectorAll("th[aria-sort]").forEach(function (other) {
          other.removeAttribute("aria-sort");
        });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var rows = Array.prototype.map.call(body.rows, function (row) {
          return { row: row, key: key(row, head.cellIndex, kind) };
        });
        rows.sort(function (one, other) {
          var order = one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
          return down ? -order : order;
        });
        rows.forEach(function (item) {
          body.appendChild(item.row);
        });
      });
    });
  }

  // Sticky heads need a table outside any scrolling box; only tables wider than the page scroll within one.
  function fit() {
    document.querySelectorAll(".scroll").forEach(function (box) {
      box.classList.remove("overflows");
      box.classList.toggle("overflows", box.scrollWidth > box.clientWidth + 1);
    });
  }

  function today() {
    var now = new Date();
    var two = function (number) {
      return String(number).padStart(2, "0");
    };
    return now.getFullYear() + "-" + two(now.getMonth() + 1) + "-" + two(now.getDate());
  }

  function copyText(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    return new Promise(function (done, failed) {
      var area = document.createElement("textarea");
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      document.body.appendChild(area);
      area.select();
      var worked = document.execCommand("copy");
      area.remove();
      if (worked) done();
      else failed(new Error("copying was refused"));
    });
  }

  function flash(button, word) {
    var label = button.textContent;
    button.textContent = word;
    setTimeout(function () {
      button.textContent = label;
    }, 1600);
  }

  // A text as a YAML scalar on one line: JSON strings are YAML (YAML 1.2, 1.3).
  function quoted(text) {
    return JSON.stringify(text);
  }

  // Every key of a decision is on its own line, as the program writes it; a `value` of null removes the line.
  function withLine(text, key, value) {
    var line = new RegExp("^    " + key + ":.*\\n", "m");
    if (line.test(text)) return text.replace(line, value === null ? "" : function () { return "    " + key + ": " + value + "\n"; });
    return value === null ? text : text.replace(/^    reason:/m, function () { return "    " + key + ": " + value + "\n    reason:"; });
  }

  function remembered(value) {
    try {
      if (value) localStorage.setItem("reviewer", value);
      return localStorage.getItem("reviewer") || "";
    } catch (refused) {
      return "";
    }
  }

  function decided(box, blank) {
    var form = box.querySelector("form");
    var verb = form.querySelector("[data-key=decision]").value;
    var project = form.querySelector("[data-field=project]").value.trim();
    var known = Array.from(document.querySelectorAll("#projects option")).find(function (option) {
      return option.value === project;
    });
    var fields = {};
    form.querySelectorAll("[data-field]").forEach(function (input) {
      var given = known && known.dataset[input.dataset.field];
      if (input.dataset.field !== "project") input.placeholder = given || "";
      fields[input.dataset.field] = input.value.trim() || given || "";
    });
    form.querySelector("[data-set]").hidden = verb !== "reassign";
    var parts = ["pi", "project", "fund"].filter(function (field) { return fields[field]; });
    var missing = [];
    if (verb === "reassign") {
      var needed = box.dataset.needed.split(" ").filter(Boolean);
      missing = needed.filter(function (field) { return !fields[field]; });
      missing = missing.map(function (field) { return field === "pi" ? "PI" : field; });
      if (!parts.length && !missing.length) missing = ["project, PI or fund"];
    }
    var reason = form.querySelector("[data-key=reason]").value.trim();
    var by = form.querySelector("[data-key=by]").value.trim();
    if (!reason) missing.push("reason");
    if (!by) missing.push("your name");
    var text = withLine(blank, "decision", verb);
    var set = parts.map(function (field) { return field + ": " + quoted(fields[field]); }).join(", ");
    text = withLine(text, "set", verb === "reassign" ? "{" + set + "}" : null);
    text = withLine(withLine(text, "reason", quoted(reason)), "by", quoted(by));
    return { text: withLine(text, "on", today()), missing: missing, by: by };
  }

  function approvals() {
    document.querySelectorAll(".decide").forEach(function (box) {
      var form = box.querySelector("form");
      var code = box.querySelector("[data-approval]");
      var copy = box.querySelector("[data-copy]");
      var download = box.querySelector("[data-download]");
      var propose = box.querySelector("[data-propose]");
      var status = box.querySelector("[data-missing]");
      var name = form.querySelector("[data-key=by]");
      var blank = code.textContent;
      var address = propose ? propose.href : "";
      function update() {
        var now = decided(box, blank);
        code.textContent = now.text;
        status.textContent = now.missing.length ? "Still needed: " + now.missing.join(", ") : "";
        copy.disabled = download.disabled = now.missing.length > 0;
        if (!propose) return;
        if (now.missing.length) propose.removeAttribute("href");
        else if (!("prefilled" in propose.dataset)) propose.href = address;
        else propose.href = address.replace(/value=[^&]*/, function () { return "value=" + encodeURIComponent(now.text); });
      }
      form.addEventListener("submit", function (event) { event.preventDefault(); });
      form.addEventListener("input", update);
      name.addEventListener("change", function () { remembered(name.value.trim()); });
      box.addEventListener("toggle", function () {
        if (!box.open) return;
        form.hidden = copy.hidden = download.hidden = false;
        if (!name.value) name.value = remembered("");
        update();
      });
      copy.addEventListener("click", function () {
        copyText(code.textContent).then(
          function () {
            flash(copy, "Copied");
          },
          function () {
            window.getSelection().selectAllChildren(code);
            flash(copy, "Press Ctrl+C");
          }
        );
      });
      download.addEventListener("click", function () {
        var link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([code.textContent], { type: "application/yaml" }));
        link.download = download.dataset.download;
        link.click();
        setTimeout(function () {
          URL.revokeObjectURL(link.href);
        }, 1000);
      });
    });
  }

  theme();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  approvals();
  fit();
  // On a phone, show the latest month of a chart first.
  document.querySelectorAll(".chart-scroll").forEach(function (box) {
    box.scrollLeft = box.scrollWidth;
  });
  window.addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  if (document.fonts) document.fonts.ready.then(fit);
})();
