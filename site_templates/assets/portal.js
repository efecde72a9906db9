// Page behavior: theme, menus, months, tables, copying. A classic script, so that it also runs from file://.
// Without it, everything can still be read; controls that need it are hidden until it runs.
(function () {
  "use strict";

  var root = document.documentElement;
  var known = window.portal || {};

  function each(selector, action, within) {
    Array.prototype.forEach.call((within || document).querySelectorAll(selector), action);
  }

  function theme() {
    var dark = window.matchMedia("(prefers-color-scheme: dark)");
    function isDark() {
      return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    }
    function say() {
      each("[data-theme-toggle]", function (button) {
        button.textContent = isDark() ? "Light" : "Dark";
        button.setAttribute("aria-label", "Switch to " + (isDark() ? "light" : "dark") + " colors");
        button.hidden = false;
      });
    }
    each("[data-theme-toggle]", function (button) {
      button.addEventListener("click", function () {
        root.dataset.theme = isDark() ? "light" : "dark";
        try {
          localStorage.setItem("theme", root.dataset.theme);
        } catch (error) {
          // Storage may be disabled; the choice then lasts as long as the page.
        }
        say();
      });
    });
    dark.addEventListener("change", say);
    say();
  }

  // Menus close with Escape, when focus leaves them, and with a click elsewhere.
  function menus() {
    each("[data-menu]", function (menu) {
      menu.addEventListener("keydown", function (event) {
        if (event.key !== "Escape" || !menu.open) return;
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      menu.addEventListener("focusout", function (event) {
        if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
      });
    });
    document.addEventListener("click", function (event) {
      each("[data-menu][open]", function (menu) {
        if (!menu.contains(event.target)) menu.open = false;
      });
    });
  }

  // The menu counts what waits for review, and the month picker leads to the same page of each month.
  function months() {
    each("[data-review-count]", function (place) {
      if (known.months && known.months.review) place.textContent = known.months.review;
    });
    var bar = document.querySelector("[data-month]");
    var list = bar && bar.querySelector("[data-months]");
    var all = known.months ? known.months.months : [];
    if (!list || !all.length) return;
    var up = document.body.dataset.root.replace(/index\.html$/, "");
    var own = known.pages && known.pages[bar.dataset.mine];
    function pageOf(month) {
      if (own) return own[month] || "periods/" + month + "/index.html";
      return bar.dataset.others.replace("*", month);
    }
    function part(tag, name, text) {
      var made = document.createElement(tag);
      made.className = name;
      made.textContent = text;
      return made;
    }
    all.forEach(function (month, place) {
      var item = document.createElement("li");
      var link = document.createElement("a");
      link.href = up + pageOf(month[0]);
      link.append(part("span", "", month[1]), part("span", "state state-" + month[2], month[3]), part("span", "amount", month[4]));
      if (month[0] === bar.dataset.month) link.setAttribute("aria-current", "true");
      item.append(link);
      list.insertBefore(item, list.lastElementChild);
      if (month[0] !== bar.dataset.month) return;
      each("[data-step]", function (step) {
        var other = all[place - Number(step.dataset.step)];
        if (!other) return;
        step.href = up + pageOf(other[0]);
        step.setAttribute("aria-label", other[1]);
        step.title = other[1];
        step.hidden = false;
      }, bar);
    });
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

  // The columns of a sortable table get buttons, where its head can be seen.
  function sortable(table) {
    var body = table.tBodies[0];
    if (!body || body.rows.length < 2) return;
    each("th[data-sort]", function (head) {
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
        each("th[aria-sort]", function (other) {
          other.removeAttribute("aria-sort");
        }, table);
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
    }, table);
  }

  // On narrow screens a row becomes two lines, so that each cell needs the label of its column.
  function stackable(table) {
    var heads = table.tHead && table.tHead.rows[0] ? table.tHead.rows[0].cells : [];
    var main = Array.prototype.findIndex.call(heads, function (head) {
      return "main" in head.dataset;
    });
    if (main < 0) return;
    var labels = Array.prototype.map.call(heads, function (head) {
      var unit = head.querySelector(".unit");
      return (unit ? head.textContent.replace(unit.textContent, "") : head.textContent).trim();
    });
    each("tbody tr, tfoot tr", function (row) {
      var column = 0;
      Array.prototype.forEach.call(row.cells, function (cell) {
        if (column === main) cell.classList.add("main");
        else if (cell.classList.contains("num")) cell.dataset.label = labels[column];
        column += cell.colSpan;
      });
    }, table);
    table.classList.add("stack");
  }

  // A long table gets a box that shows only the rows with a text.
  function filterable(table) {
    var place = table.closest(".scroll");
    var body = table.tBodies[0];
    if (!place || !body || body.rows.length < 25) return;
    var above = document.createElement("div");
    var label = document.createElement("label");
    var input = document.createElement("input");
    var count = document.createElement("span");
    above.className = "above";
    input.type = "search";
    label.append(table.dataset.filter, input);
    count.className = "soft";
    count.setAttribute("role", "status");
    above.append(label, count);
    place.before(above);
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toLocaleLowerCase();
      var left = 0;
      Array.prototype.forEach.call(body.rows, function (row) {
        row.hidden = wanted !== "" && row.textContent.toLocaleLowerCase().indexOf(wanted) < 0;
        left += !row.hidden;
      });
      if (table.tFoot) table.tFoot.hidden = wanted !== "";
      count.textContent = wanted === "" ? "" : left + " of " + body.rows.length;
    });
  }

  // Sticky heads need a table outside any scrolling box; only a table wider than its place scrolls within itself, and
  // only then it is a stop of the Tab key, with a name.
  function fit() {
    each(".scroll", function (box) {
      box.classList.remove("overflows");
      var over = box.scrollWidth > box.clientWidth + 1;
      box.classList.toggle("overflows", over);
      if (!over) {
        ["tabindex", "role", "aria-label"].forEach(function (name) {
          box.removeAttribute(name);
        });
        return;
      }
      var caption = box.querySelector("caption");
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", caption ? caption.textContent.trim() : "Table");
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
  menus();
  months();
  each("table[data-sortable]", sortable);
  each("table.figures", stackable);
  each("table[data-filter]", filterable);
  approvals();
  fit();
  window.addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  if (document.fonts) document.fonts.ready.then(fit);
})();
