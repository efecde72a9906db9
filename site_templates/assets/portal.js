// What pages do beyond showing: theme, sorting, copying. A classic script, so that it runs from file:// too.
// Without it everything can still be read; controls that need it are hidden until it runs.
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
      button.setAttribute("aria-label", "Switch to " + (isDark() ? "light" : "dark") + " colours");
    }
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch (error) {
        // Storage may be switched off; the choice then lasts as long as the page.
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
        // Figures are first wanted from the largest, names from A.
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

  // The page itself carries no date of today, so that it is the same bytes on every build; the copy does.
  function dated(text) {
    return text.replace("on: YYYY-MM-DD", "on: " + today());
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

  function told(button, word) {
    var label = button.textContent;
    button.textContent = word;
    setTimeout(function () {
      button.textContent = label;
    }, 1600);
  }

  function approvals() {
    document.querySelectorAll(".decide").forEach(function (box) {
      var code = box.querySelector("[data-approval]");
      var copy = box.querySelector("[data-copy]");
      var download = box.querySelector("[data-download]");
      var propose = box.querySelector("[data-dated]");
      copy.hidden = download.hidden = false;
      copy.addEventListener("click", function () {
        copyText(dated(code.textContent)).then(
          function () {
            told(copy, "Copied");
          },
          function () {
            window.getSelection().selectAllChildren(code);
            told(copy, "Press Ctrl+C");
          }
        );
      });
      download.addEventListener("click", function () {
        var link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([dated(code.textContent)], { type: "application/yaml" }));
        link.download = download.dataset.download;
        link.click();
        setTimeout(function () {
          URL.revokeObjectURL(link.href);
        }, 1000);
      });
      if (propose) {
        propose.addEventListener("click", function () {
          propose.href = propose.href.replace("on%3A%20YYYY-MM-DD", "on%3A%20" + today());
        });
      }
    });
  }

  theme();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  approvals();
  fit();
  // On a phone the latest month is what one wants to see of a chart.
  document.querySelectorAll(".chart-scroll").forEach(function (box) {
    box.scrollLeft = box.scrollWidth;
  });
  window.addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  if (document.fonts) document.fonts.ready.then(fit);
})();
