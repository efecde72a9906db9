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
      if (known.months && known.months.review) place.textContent = known.months.review.toLocaleString("en-US");
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
    // What the address selects stays selected in another month, except what only this month has.
    function kept(page) {
      var given = page.split("#");
      var others = location.hash.slice(1).split("&").filter(function (pair) {
        return /=/.test(pair) && !/^(period|page|c|item|decision)=/.test(pair);
      });
      var parts = (given[1] ? [given[1]] : []).concat(own ? [] : others);
      return up + given[0] + (parts.length ? "#" + parts.join("&") : "");
    }
    function lead() {
      each("a[data-page]", function (link) {
        link.href = kept(link.dataset.page);
      }, bar);
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
      link.dataset.page = pageOf(month[0]);
      link.append(part("span", "", month[1]), part("span", "state state-" + month[2], month[3]), part("span", "amount", month[4]));
      if (month[0] === bar.dataset.month) link.setAttribute("aria-current", "true");
      item.append(link);
      list.insertBefore(item, list.lastElementChild);
      if (month[0] !== bar.dataset.month) return;
      each("[data-step]", function (step) {
        var other = all[place - Number(step.dataset.step)];
        if (!other) return;
        step.dataset.page = pageOf(other[0]);
        step.setAttribute("aria-label", other[1]);
        step.title = other[1];
        step.hidden = false;
      }, bar);
    });
    lead();
    // Scripts that replace the address without a step back do not say so.
    window.addEventListener("hashchange", lead);
    ["pointerdown", "keydown", "focusin"].forEach(function (event) {
      bar.addEventListener(event, lead);
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
    each(".scroll, pre:not([tabindex])", function (box) {
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
      var first = box.querySelector("th");
      // What gets the focus stays clear of the first column, which does not scroll.
      if (first) box.style.scrollPaddingInlineStart = first.offsetWidth + "px";
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", caption ? caption.textContent.trim() + ", table" : "Text");
    });
  }

  theme();
  menus();
  months();
  each("table[data-sortable]", sortable);
  each("table.figures", stackable);
  each("table[data-filter]", filterable);
  fit();
  window.addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  if (document.fonts) document.fonts.ready.then(fit);
})();
