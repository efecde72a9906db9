// The charge browser's rows: a virtual table of any length, and the same as pages.
(function () {
  "use strict";

  if (!chargesPage) return;
  const {
    COLUMNS, MONEY, columns, copyOf, counted, go, headText, make, money, named, part, shownCell,
    state, written
  } = chargesPage;

  const PAGE = 100;
  const PRINTED = 500;
  // No browser lays out an element higher than this reliably; beyond it, the scroll bar moves faster than the rows.
  const MOST_PIXELS = 15000000;

  // ---- The virtual table ----

  const grid = part("grid");
  const body = part("rows");
  const view = part("window");

  function rowHeight() {
    return parseFloat(getComputedStyle(grid).getPropertyValue("--row")) || 28;
  }

  function showHead(shown) {
    const cells = shown.map((column) => {
      const cell = make(
        "div",
        { role: "columnheader", className: "c-" + column + (right(column) ? " right" : "") },
        sortButton(column)
      );
      if (state.address.sort === column) cell.setAttribute("aria-sort", ariaSort());
      return cell;
    });
    part("head").replaceChildren(make("div", { role: "row", "aria-rowindex": "1" }, ...cells));
    grid.style.setProperty("--tracks", shown.map(track).join(" "));
    grid.setAttribute("aria-colcount", String(shown.length));
  }

  function ariaSort() {
    return state.address.down ? "descending" : "ascending";
  }

  // Amounts have room for the longest one, and for their head.
  function track(column) {
    if (!COLUMNS[column].money) return COLUMNS[column].track;
    return (
      Math.max(headText(column).length * 0.41 + 1, charges.longest(state.table, column) * 0.46 + 0.5).toFixed(2) + "rem"
    );
  }

  function right(column) {
    return COLUMNS[column].money || COLUMNS[column].right;
  }

  function sortButton(column) {
    const button = make("button", { type: "button", className: "sort", textContent: headText(column) });
    button.dataset.column = column;
    button.addEventListener("click", () => {
      // Amounts start with the largest, names with A.
      const down = state.address.sort === column ? !state.address.down : Boolean(COLUMNS[column].money);
      go({ sort: column, down });
    });
    return button;
  }

  // What the table lists: rows, or with groups the head of each group as −1 − its number, and the rows of open ones.
  function listItems() {
    if (!state.groups) return state.rows;
    const size = state.groups.reduce(
      (sum, group) => sum + 1 + (state.closed.has(group.text) ? 0 : group.rows.length),
      0
    );
    const items = new Int32Array(size);
    let at = 0;
    state.groups.forEach((group, number) => {
      items[at++] = -1 - number;
      if (state.closed.has(group.text)) return;
      items.set(group.rows, at);
      at += group.rows.length;
    });
    return items;
  }

  let drawn = { first: -1, count: 0 };

  function layOut() {
    const height = Math.min(state.items.length * rowHeight(), MOST_PIXELS);
    body.style.height = height + "px";
    grid.setAttribute("aria-rowcount", String(state.items.length + 1));
    grid.setAttribute("role", state.groups ? "treegrid" : "grid");
    drawn = { first: -1, count: 0 };
    state.active = Math.min(state.active, Math.max(0, state.items.length - 1));
    draw();
  }

  // How far the rows are scrolled: top is where the first row of the table would be. Both in pixels of rows.
  function scrolled() {
    const box = body.getBoundingClientRect();
    const head = part("head").getBoundingClientRect();
    const foot = part("sums").getBoundingClientRect();
    const visible = Math.max(0, Math.min(foot.top, window.innerHeight) - head.bottom);
    const pixels = Math.max(0, head.bottom - box.top);
    const total = state.items.length * rowHeight();
    const stretch = total > MOST_PIXELS ? (total - visible) / Math.max(1, MOST_PIXELS - visible) : 1;
    return { pixels, visible, stretch, at: pixels * stretch };
  }

  function draw() {
    if (!state.items || grid.hidden) return;
    const height = rowHeight();
    const { pixels, visible, at } = scrolled();
    const count = Math.min(state.items.length, Math.ceil((visible || window.innerHeight) / height) + 17);
    let first = Math.floor(at / height) - 8;
    first = Math.max(0, Math.min(first, state.items.length - count));
    const offset = pixels - (at - first * height);
    view.style.transform = "translateY(" + Math.max(0, offset) + "px)";
    if (drawn.first === first && drawn.count === count) return;
    drawn = { first, count };
    drawRows();
  }

  function drawRows() {
    const hadFocus = view.contains(document.activeElement);
    const { first, count } = drawn;
    const shown = columns();
    while (view.children.length > count) view.lastChild.remove();
    while (view.children.length < count) view.append(make("div", { role: "row", tabIndex: -1 }));
    const size = state.items.length;
    if (!hadFocus || state.active < first || state.active >= first + count) {
      if (state.active < first || state.active >= first + count)
        state.active = Math.min(size - 1, first + (first ? 8 : 0));
    }
    for (let slot = 0; slot < count; slot++) fillRow(view.children[slot], first + slot, shown);
    if (hadFocus) view.children[state.active - first].focus({ preventScroll: true });
  }

  function fillRow(element, at, shown) {
    const item = state.items[at];
    element.setAttribute("aria-rowindex", String(at + 2));
    element.tabIndex = at === state.active ? 0 : -1;
    element.dataset.at = String(at);
    if (item < 0) return fillGroup(element, state.groups[-1 - item], shown);
    element.className = "line";
    element.removeAttribute("aria-expanded");
    level(element, 2);
    // Cells are kept while scrolling: only their texts change.
    const key = shown.join(" ");
    if (element.dataset.cells !== key) {
      element.dataset.cells = key;
      element.replaceChildren(...shown.map(makeCell));
    }
    shown.forEach((column, number) => fillCell(element.children[number], column, item));
  }

  function level(element, number) {
    if (state.groups) element.setAttribute("aria-level", String(number));
    else element.removeAttribute("aria-level");
  }

  function makeCell(column) {
    const cell = make("div", { role: "gridcell", className: "c-" + column + (right(column) ? " right" : "") });
    if (column === "resource") cell.append(make("a", { tabIndex: -1 }));
    return cell;
  }

  function fillCell(cell, column, row) {
    const text = shownCell(row, column);
    if (column === "resource") {
      cell.firstChild.textContent = text || "Charge " + charges.idOf(state.table, row).slice(0, 8);
      cell.firstChild.href = written({ ...state.address, charge: charges.idOf(state.table, row) });
      cell.firstChild.title = text;
      return;
    }
    cell.textContent = text;
    if (column === "state") cell.className = "c-state is-" + state.table.texts.state[state.table.codes.state[row]];
    else if (!right(column)) cell.title = text;
    else if (column !== "day") cell.classList.toggle("zero", /^0[.0]*$/.test(text));
  }

  // A group: its name and number of charges across the columns before the first amount, and its sums.
  function fillGroup(element, group, shown) {
    const closed = state.closed.has(group.text);
    element.className = "line group-head";
    level(element, 1);
    element.setAttribute("aria-expanded", String(!closed));
    element.dataset.cells = "";
    const before = shown.findIndex((column) => MONEY.includes(column));
    const title = make("div", { role: "gridcell", className: "c-group" });
    title.append(make("span", { className: "fold", textContent: closed ? "▸" : "▾", "aria-hidden": "true" }));
    title.append(
      make("bdi", { textContent: named(state.address.group, group.text) }),
      " ",
      make("span", { className: "soft", textContent: counted(group.rows.length, "charge") })
    );
    title.style.gridColumn = "1 / " + (before < 0 ? "-1" : before + 1);
    const rest =
      before < 0
        ? []
        : shown.slice(before).map((column) => {
            const cell = make("div", { role: "gridcell", className: "c-" + column + (right(column) ? " right" : "") });
            if (MONEY.includes(column)) cell.textContent = money(group.sums[column]);
            return cell;
          });
    element.replaceChildren(title, ...rest);
  }

  function fold(item) {
    const { text } = state.groups[-1 - item];
    if (state.closed.has(text)) state.closed.delete(text);
    else state.closed.add(text);
    state.items = listItems();
    layOut();
  }

  function open(at) {
    const item = state.items[at];
    if (item === undefined) return;
    if (item < 0) fold(item);
    else location.hash = written({ ...state.address, charge: charges.idOf(state.table, item) });
  }

  // Move the focus to a row, and the row into sight between the head of the table and its sums.
  function focusRow(at) {
    state.active = Math.max(0, Math.min(at, state.items.length - 1));
    const height = rowHeight();
    const { visible, stretch, at: top } = scrolled();
    const start = state.active * height;
    let move = 0;
    if (start < top) move = start - top;
    else if (start + height > top + visible) move = start + height - top - visible;
    if (move) window.scrollBy(0, move / stretch);
    draw();
    const { first, count } = drawn;
    for (let slot = 0; slot < count; slot++) view.children[slot].tabIndex = first + slot === state.active ? 0 : -1;
    const element = view.children[state.active - first];
    if (element) element.focus({ preventScroll: true });
  }

  const MOVES = { ArrowDown: 1, ArrowUp: -1 };

  view.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(scrolled().visible / rowHeight()) - 1);
    const moves = { ...MOVES, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) focusRow(state.active + moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") open(state.active);
    else return;
    event.preventDefault();
  });
  view.addEventListener("click", (event) => {
    const row = event.target.closest("[data-at]");
    if (!row || event.target.closest("a") || String(window.getSelection())) return;
    if (state.items[Number(row.dataset.at)] < 0) {
      state.active = Number(row.dataset.at);
      open(state.active);
    }
  });
  view.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-at]");
    if (row && Number(row.dataset.at) !== state.active) {
      const before = view.children[state.active - drawn.first];
      if (before) before.tabIndex = -1;
      state.active = Number(row.dataset.at);
      row.tabIndex = 0;
    }
  });

  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }
  window.addEventListener("scroll", soon, { passive: true });
  window.addEventListener("resize", () => {
    if (!state.items) return;
    showHead(columns());
    layOut();
  });

  // On paper, the largest charges of the selection.
  window.addEventListener("beforeprint", () => {
    if (!state.items || grid.hidden) return;
    drawn = { first: 0, count: Math.min(state.items.length, PRINTED) };
    view.style.transform = "none";
    drawRows();
    body.style.height = "auto";
  });
  window.addEventListener("afterprint", () => state.items && !grid.hidden && layOut());

  // ---- As pages: a table for those who read by cell, with the commands of a screen reader ----

  function showPages() {
    const shown = columns();
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    const page = Math.min(state.address.page, pages);
    const order = state.groups ? state.groups.flatMap((group) => Array.from(group.rows)) : state.rows;
    const rows = Array.from(order.slice((page - 1) * PAGE, page * PAGE));
    const box = part("table");
    const scroll = tableOf(rows, shown, "Charges, page " + page + " of " + pages);
    box.replaceChildren(scroll, pager(page, pages));
    // Only what scrolls is a stop for the Tab key.
    const overflows = scroll.scrollWidth > scroll.clientWidth + 1;
    scroll.classList.toggle("overflows", overflows);
    if (overflows) scroll.tabIndex = 0;
  }

  function tableOf(rows, shown, caption) {
    const heads = shown.map((column) => {
      const cell = make("th", { scope: "col", textContent: headText(column), className: right(column) ? "num" : "" });
      if (state.address.sort === column) cell.setAttribute("aria-sort", ariaSort());
      return cell;
    });
    const lines = rows.map((row) => make("tr", {}, ...shown.map((column) => tableCell(row, column))));
    const table = make(
      "table",
      { className: "figures" },
      make("caption", { className: "hidden", textContent: caption })
    );
    table.append(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
    return make("div", { className: "scroll", role: "region", "aria-label": "Charges as pages" }, table);
  }

  function tableCell(row, column) {
    const text = shownCell(row, column);
    const kind =
      column === "state"
        ? "is-" + state.table.texts.state[state.table.codes.state[row]]
        : right(column)
          ? "num"
          : "clip";
    if (column !== "resource") return make("td", { textContent: text, className: kind });
    const id = charges.idOf(state.table, row);
    const link = make("a", {
      textContent: text || "Charge " + id.slice(0, 8),
      href: written({ ...state.address, charge: id })
    });
    return make("th", { scope: "row", className: "clip" }, link);
  }

  function pager(page, pages) {
    const turn = (text, to, on) =>
      on
        ? make("a", { textContent: text, href: written(copyOf({ page: to })) })
        : make("span", { className: "soft", textContent: text });
    return make(
      "nav",
      { className: "pager", "aria-label": "Pages" },
      turn("Previous", page - 1, page > 1),
      make("span", { textContent: "Page " + page.toLocaleString("en-US") + " of " + pages.toLocaleString("en-US") }),
      turn("Next", page + 1, page < pages)
    );
  }

  Object.assign(chargesPage, { grid, layOut, listItems, showHead, showPages });
})();
