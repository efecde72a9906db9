// Page behavior: theme, sorting. A classic script, so that it also runs from file://.
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

  theme();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  fit();
  // On a phone, show the latest month of a chart first.
  document.querySelectorAll(".chart-scroll").forEach(function (box) {
    box.scrollLeft = box.scrollWidth;
  });
  window.addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  if (document.fonts) document.fonts.ready.then(fit);
})();
