// The charge browser: shows what the address after # selects from the data of charges.js. Every control only changes the
// address, and the page follows it, so that each view can be linked to and the back button works.
// Texts from data are set as text, never as markup.
(function () {
  "use strict";

  const root = document.getElementById("charges");
  if (!root) return;
  const setup = JSON.parse(root.dataset.setup);
  const part = (name) => root.querySelector("[data-" + name + "]");
  const wide = window.matchMedia("(min-width: 69em)");

  const FACETS = [
    ["state", "State"],
    ["source", "Source"],
    ["service", "Service"],
    ["project", "Project"],
    ["pi", "PI"],
    ["fund", "Fund"],
    ["flag", "Flag"],
    ["decision", "Decision"]
  ];
  const FIELDS = {
    period: "month",
    state: "state",
    source: "source",
    service: "service",
    project: "project",
    pi: "PI",
    fund: "fund",
    flag: "flag",
    decision: "decision",
    resource: "resource",
    day: "day"
  };
  const GROUPS = ["service", "resource", "project", "pi", "fund", "source", "state", "day", "flags"];
  const COLUMNS = {
    period: { label: "Month", track: "4.4rem" },
    day: { label: "Day", track: "2.25rem", right: true },
    source: { label: "Source", track: "minmax(0, 1.2fr)" },
    service: { label: "Service", track: "minmax(0, 1.7fr)" },
    resource: { label: "Resource", track: "minmax(0, 1.7fr)" },
    project: { label: "Project", track: "minmax(0, 1.15fr)" },
    pi: { label: "PI", track: "minmax(0, 1.2fr)" },
    fund: { label: "Fund", track: "minmax(0, 0.95fr)" },
    list: { label: "List", money: true },
    discount: { label: "Discount", money: true },
    amount: { label: "Amount", money: true },
    state: { label: "State", track: "5.4rem" },
    flags: { label: "Flags", track: "minmax(0, 1.2fr)" },
    id: { label: "Id", track: "9.2rem" }
  };
  const NOTHING = { flag: "No flag", flags: "No flag", decision: "No decision" };
  const MONEY = ["list", "discount", "amount"];
  const DEFAULT = ["day", "service", "resource", "project", "fund", "list", "discount", "amount", "state"];
  const MOST_FACET_VALUES = 6;
  const PAGE = 100;
  const PRINTED = 500;
  // No browser lays out an element higher than this reliably; beyond it, the scroll bar moves faster than the rows.
  const MOST_PIXELS = 15000000;
  const MISLEADING = new RegExp("[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}" + setup.misleading + "]+", "gu");

  const year = setup.months.length !== 1 || document.querySelector("[data-year]") !== null;
  const state = {
    table: null,
    selection: null,
    rows: null,
    items: null,
    groups: null,
    closed: new Set(),
    active: 0,
    more: new Set()
  };

  // ---- Small pieces ----

  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key in element && key !== "role") element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function clean(text) {
    return text.replace(MISLEADING, " ");
  }

  function counted(number, word) {
    return number.toLocaleString("en-US") + " " + word + (number === 1 ? "" : "s");
  }

  const unit = setup.places[setup.currency];

  function plainMoney(total, currency) {
    return charges.plain(total, unit, currency in setup.places ? setup.places[currency] : unit);
  }

  function money(total, currency) {
    return charges.human(plainMoney(total, currency || setup.currency));
  }

  function label(field, text) {
    if (field === "state") return setup.states[text] || text;
    if (field === "flags")
      return charges
        .listed("flag", text)
        .map((flag) => charges.name("flag", flag))
        .join(", ");
    if (field === "period") return monthOf(text).name;
    if (field === "day" && text) return humanDay(text);
    if (field === "decision") return text.replace(/^approvals\//, "");
    return charges.name(field, text);
  }

  function monthOf(period) {
    return setup.months.find((each) => each.period === period) || { name: period, short: period };
  }

  function named(field, text) {
    return text === "" ? NOTHING[field] || "None" : clean(label(field, text));
  }

  // ---- The address ----

  // conditions: field → set of texts. down: whether the largest come first.
  function read(hash) {
    const found = {
      conditions: new Map(),
      search: "",
      group: "",
      sort: "amount",
      down: true,
      pages: false,
      page: 1,
      charge: "",
      columns: null
    };
    for (const [key, value] of new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"))) {
      if (key in FIELDS) {
        if (!found.conditions.has(key)) found.conditions.set(key, new Set());
        found.conditions.get(key).add(value);
      } else if (key === "q") found.search = value;
      else if (key === "group" && GROUPS.includes(value)) found.group = value;
      else if (key === "sort") {
        const column = value.replace(/^-/, "").replace(/^due$/, "amount");
        if (column in COLUMNS) Object.assign(found, { sort: column, down: value.startsWith("-") });
      } else if (key === "view") found.pages = value === "pages";
      else if (key === "page") found.page = Math.max(1, parseInt(value, 10) || 1);
      else if (key === "c") found.charge = value.toLowerCase();
      else if (key === "columns") found.columns = value.split(",").filter((column) => column in COLUMNS);
    }
    return found;
  }

  function written(address) {
    const pairs = [];
    for (const [field, texts] of address.conditions) for (const text of texts) pairs.push([field, text]);
    if (address.search) pairs.push(["q", address.search]);
    if (address.group) pairs.push(["group", address.group]);
    if (address.sort !== "amount" || !address.down) pairs.push(["sort", (address.down ? "-" : "") + address.sort]);
    if (address.columns) pairs.push(["columns", address.columns.join(",")]);
    if (address.pages) pairs.push(["view", "pages"]);
    if (address.page > 1) pairs.push(["page", String(address.page)]);
    if (address.charge) pairs.push(["c", address.charge]);
    return (
      "#" +
      pairs
        .map((pair) =>
          pair.map((text) => encodeURIComponent(text).replaceAll("%40", "@").replaceAll("%2C", ",")).join("=")
        )
        .join("&")
    );
  }

  let address = read(location.hash);

  function copyOf(changes) {
    const conditions = new Map([...address.conditions].map(([field, texts]) => [field, new Set(texts)]));
    return { ...address, conditions, page: 1, charge: "", ...changes };
  }

  // replace: without a step for the back button, as while a search is typed.
  function go(changes, replace) {
    const hash = written(copyOf(changes));
    if (hash === (location.hash || "#")) return;
    if (replace) location.replace(hash);
    else location.hash = hash;
  }

  function toggled(field, text, on) {
    const next = copyOf({});
    const texts = next.conditions.get(field) || new Set();
    if (on) texts.add(text);
    else texts.delete(text);
    if (texts.size) next.conditions.set(field, texts);
    else next.conditions.delete(field);
    return { conditions: next.conditions };
  }

  // ---- Columns and cells ----

  function columns() {
    const chosen = address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT);
    if (address.columns) return chosen;
    // A phone shows its own choice of them (charges.css).
    const width = part("results").clientWidth / parseFloat(getComputedStyle(document.documentElement).fontSize);
    const left = new Set(width < 52 ? ["fund", "discount", "list"] : width < 60 ? ["fund", "discount"] : []);
    return chosen.filter((column) => !left.has(column));
  }

  function parts(row, column) {
    return column === "discount" ? charges.discountParts(state.table, row) : charges.partsOf(state.table, column, row);
  }

  // The text of a cell for a CSV file: as shown, but amounts and days as a program reads them.
  function cellText(row, column) {
    const { table } = state;
    if (column === "id") return charges.idOf(table, row);
    if (MONEY.includes(column)) return plainMoney(charges.whole(parts(row, column)), currencyOf(row));
    const text = table.texts[column][table.codes[column][row]];
    return column === "state" ? label("state", text) : text;
  }

  function currencyOf(row) {
    return state.table.texts.currency[state.table.codes.currency[row]];
  }

  function shownCell(row, column) {
    const { table } = state;
    if (column === "id") return charges.idOf(table, row);
    if (MONEY.includes(column)) {
      const currency = currencyOf(row);
      const text = money(charges.whole(parts(row, column)), currency);
      return currency === setup.currency ? text : currency + " " + text;
    }
    const text = table.texts[column][table.codes[column][row]];
    if (column === "day") return dayText(row, text);
    if (column === "period") return monthOf(text).short;
    return clean(label(column, text));
  }

  // The day of the month; with the month if it is another one.
  function dayText(row, day) {
    const period = state.table.texts.period[state.table.codes.period[row]];
    const number = String(Number(day.slice(8)));
    if (day.startsWith(period)) return number;
    return number + " " + new Date(day + "T00:00:00Z").toLocaleString("en-US", { month: "short", timeZone: "UTC" });
  }

  function headText(column) {
    const each = COLUMNS[column];
    return each.money ? each.label + " " + setup.currency : each.label;
  }

  // ---- Facets ----

  function showFacets() {
    const list = part("facet-list");
    const focused = document.activeElement && document.activeElement.dataset.facet;
    const all = setup.months.length > 1 ? [["period", "Month"], ...FACETS] : FACETS;
    list.replaceChildren(...all.map(([field, title]) => facetBox(field, title)).filter(Boolean));
    if (focused) {
      const again = [...list.querySelectorAll("[data-facet]")].find((each) => each.dataset.facet === focused);
      if (again) again.focus({ preventScroll: true });
    }
  }

  function facetBox(field, title) {
    const wanted = address.conditions.get(field) || new Set();
    const texts = state.table.texts[charges.columnOf(field)];
    if (field in NOTHING && !wanted.size && texts.every((text) => text === "")) return null;
    const values = charges.facet(state.table, state.selection, field);
    if (!wanted.size && values.every((value) => value.text === "") && (field in NOTHING || !values.length)) return null;
    for (const text of wanted)
      if (!values.some((value) => value.text === text)) values.push({ text, count: 0, total: 0n });
    const open = state.more.has(field);
    // Chosen values stay in sight.
    const shown = open ? values : values.filter((value, at) => at < MOST_FACET_VALUES || wanted.has(value.text));
    const box = make("fieldset", {}, make("legend", { textContent: title }));
    for (const value of shown) box.append(facetLine(field, value, wanted.has(value.text)));
    if (values.length > shown.length || open) {
      const text = open ? "Fewer" : (values.length - shown.length).toLocaleString("en-US") + " more";
      const button = make("button", {
        type: "button",
        className: "link",
        textContent: text,
        "aria-label": text + ", " + title
      });
      button.dataset.facet = field + " more";
      button.addEventListener("click", () => {
        if (open) state.more.delete(field);
        else state.more.add(field);
        showFacets();
      });
      if (values.length > MOST_FACET_VALUES) box.append(button);
    }
    return box;
  }

  function facetLine(field, value, checked) {
    const input = make("input", { type: "checkbox", checked });
    input.dataset.facet = field + "=" + value.text;
    input.addEventListener("change", () => go(toggled(field, value.text, input.checked)));
    const name = make("bdi", { className: "facet-name", textContent: named(field, value.text) });
    const amount = make("span", {
      className: "figure",
      textContent: money(value.total),
      title: counted(value.count, "charge")
    });
    return make("label", { className: "facet" }, input, name, amount);
  }

  // ---- Conditions ----

  function showChips() {
    const list = part("chips");
    const chips = [];
    for (const [field, texts] of address.conditions) {
      for (const text of texts)
        chips.push(chip(FIELDS[field], named(field, text), () => go(toggled(field, text, false))));
    }
    if (address.search) chips.push(chip("find", clean(address.search), () => go({ search: "" })));
    if (chips.length > 1) {
      const clear = make("button", { type: "button", className: "link", textContent: "Clear all" });
      clear.addEventListener("click", () => go({ conditions: new Map(), search: "" }));
      chips.push(make("li", {}, clear));
    }
    list.replaceChildren(...chips);
    list.hidden = !chips.length;
  }

  function chip(kind, text, remove) {
    const button = make("button", {
      type: "button",
      className: "chip",
      "aria-label": "Remove the condition " + kind + ": " + text
    });
    button.append(
      kind + ": ",
      make("bdi", { textContent: text }),
      make("span", { className: "cross", textContent: "×", "aria-hidden": "true" })
    );
    button.addEventListener("click", remove);
    return make("li", {}, button);
  }

  function noMatchText() {
    const wanted = [...address.conditions].map(([field, texts]) =>
      [...texts].map((text) => named(field, text)).join(" or ")
    );
    if (address.search) wanted.push("“" + clean(address.search) + "”");
    const paragraph = part("no-match-text");
    const where = setup.months.length > 1 ? "these months" : setup.months[0].name;
    paragraph.replaceChildren(
      counted(state.table.rows, "charge") +
        (state.table.rows === 1 ? " is" : " are") +
        " in " +
        where +
        ". None matches "
    );
    wanted.forEach((text, at) => {
      if (at) paragraph.append(" and ");
      paragraph.append(make("strong", {}, make("bdi", { textContent: text })));
    });
    paragraph.append(".");
  }

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
      if (address.sort === column) cell.setAttribute("aria-sort", address.down ? "descending" : "ascending");
      return cell;
    });
    part("head").replaceChildren(make("div", { role: "row", "aria-rowindex": "1" }, ...cells));
    grid.style.setProperty("--tracks", shown.map(track).join(" "));
    grid.setAttribute("aria-colcount", String(shown.length));
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
      const down = address.sort === column ? !address.down : Boolean(COLUMNS[column].money);
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
      cell.firstChild.href = written({ ...address, charge: charges.idOf(state.table, row) });
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
      make("bdi", { textContent: named(address.group, group.text) }),
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
    else location.hash = written({ ...address, charge: charges.idOf(state.table, item) });
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

  // ---- As pages: a table for those who read by cell, with the commands of a screen reader ----

  function showPages() {
    const shown = columns();
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    const page = Math.min(address.page, pages);
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
      if (address.sort === column) cell.setAttribute("aria-sort", address.down ? "descending" : "ascending");
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
      href: written({ ...address, charge: id })
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

  // ---- Sums ----

  function showSums() {
    const number = state.rows.length.toLocaleString("en-US") + " of " + counted(state.table.rows, "charge");
    const sums = charges.sums(state.table, state.rows);
    const box = part("sums");
    box.replaceChildren(make("strong", { className: "n", textContent: number }));
    const own = sums.find((each) => each.currency === setup.currency) || charges.sums(state.table, [])[0];
    const due = setup.due === "Due" ? own.states.billed : own.states.billed + own.states.shown;
    const imported = sum("Imported", own.states.imported);
    imported.title = "The exact costs in the charge files, rounded once";
    box.append(imported, sum("Held", own.states.held), sum("Rejected", own.states.rejected));
    if (setup.due === "Due" && own.states.shown) box.append(sum("Not charged", own.states.shown));
    box.append(sum(setup.due, due, setup.currency));
    for (const each of sums) {
      if (each.currency === setup.currency || !each.count) continue;
      box.append(sum("Held", each.states.held, each.currency), sum("Rejected", each.states.rejected, each.currency));
    }
    part("said").textContent = number + ", " + setup.due.toLowerCase() + " " + setup.currency + " " + money(due);
  }

  function sum(label, total, currency) {
    const name = currency ? label + " " + currency : label;
    const box = make(
      "span",
      { className: "sum sum-" + label.toLowerCase().replace(" ", "-") },
      name + " ",
      make("span", { className: "figure", textContent: money(total, currency) })
    );
    box.dataset.sum = name;
    return box;
  }

  // ---- One charge ----

  const dialog = part("charge");
  let opener = null;

  function load(source) {
    return new Promise((done, failed) => {
      const script = make("script", { src: source });
      script.addEventListener("load", done);
      script.addEventListener("error", () => failed(new Error(source + " cannot be read")));
      document.head.append(script);
    });
  }

  async function showCharge(id) {
    const rows = /^[0-9a-f]{4,16}$/.test(id) ? charges.findIds(state.table, id) : [];
    part("charge-title").textContent =
      rows.length === 1 ? shownCell(rows[0], "resource") || "Charge" : "Charge " + clean(id);
    const box = part("charge-body");
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
      part("charge-title").focus();
    }
    if (rows.length !== 1) {
      box.replaceChildren(
        make("p", {
          textContent: rows.length
            ? "Several charges start with this id; give more digits of it."
            : "No charge has this id. It may be in another month, or its file has changed."
        })
      );
      return;
    }
    fill(box, rows[0]);
    try {
      const more = await detailsOf(rows[0]);
      if (address.charge === id) fill(box, rows[0], fromFile(rows[0], more));
    } catch (error) {
      box.append(make("p", { className: "notice", textContent: "The details are missing: " + error.message + "." }));
    }
  }

  // The web program adds to a charge what can be done about it.
  function fill(box, row, more) {
    box.replaceChildren(...known(row), ...(more || []));
    const detail = { id: charges.idOf(state.table, row), period: text(row, "period"), state: text(row, "state") };
    box.dispatchEvent(new CustomEvent("charge", { bubbles: true, detail }));
  }

  async function detailsOf(row) {
    const { table } = state;
    const at = table.codes.period[row];
    const period = table.texts.period[at];
    const number = Math.floor(table.places[row] / setup.detailsPerFile);
    if (!charges.hasDetails(period, number)) await load(monthOf(period).details + number + ".js");
    const values = (await charges.readDetails(period, number))[table.places[row] % setup.detailsPerFile];
    return Object.fromEntries(table.fields[at].map((field, place) => [field, values[place]]));
  }

  function pairs(entries) {
    const list = make("dl", { className: "pairs" });
    for (const [name, value] of entries) {
      if (value === null || value === undefined || value === "") continue;
      const content = value instanceof Node ? value : make("bdi", { textContent: clean(String(value)) });
      list.append(make("div", {}, make("dt", { textContent: name }), make("dd", { className: "text" }, content)));
    }
    return list;
  }

  function text(row, field) {
    return state.table.texts[field][state.table.codes[field][row]];
  }

  // The charges that share a text with this one.
  function others(row, field) {
    const value = text(row, field);
    return value ? sameText(field, value, named(field, value)) : null;
  }

  // A link to the charges that have a text. shown: how it reads.
  function sameText(field, value, shown) {
    const link = make("a", { href: written(copyOf({ conditions: new Map([[field, new Set([value])]]), search: "" })) });
    link.append(make("bdi", { textContent: clean(shown) }));
    return link;
  }

  // The address that asks about a charge, with its id and month.
  function question(row) {
    const id = charges.idOf(state.table, row);
    const about = [text(row, "project"), humanDay(text(row, "day"))].filter(Boolean).join(", ");
    const address = setup.question.replace("{charge}", () => id).replace("{subject}", () => encodeURIComponent("charge " + id + ", " + clean(about)));
    return make("a", { href: address, textContent: "Question this charge" });
  }

  function known(row) {
    const currency = currencyOf(row);
    const amount = (column) =>
      make("span", {
        className: "figure",
        textContent: currency + " " + money(charges.whole(parts(row, column)), currency)
      });
    const where = label("state", text(row, "state"));
    const flags = text(row, "flags");
    const found = [
      make(
        "p",
        { className: "charge-amount" },
        amount("amount"),
        " ",
        make("span", { className: "is-" + text(row, "state"), textContent: where })
      ),
      pairs([
        ["List price", amount("list")],
        ["Discount", amount("discount")],
        ["Day", humanDay(text(row, "day"))],
        ["Service", others(row, "service")],
        ["Resource", others(row, "resource")],
        ["Resource id", state.table.resourceIds[state.table.codes.resource[row]]],
        ["Source", others(row, "source")],
        ["Project", others(row, "project")],
        ["PI", others(row, "pi")],
        ["Fund", others(row, "fund")]
      ])
    ];
    if (flags) {
      const list = make("ul", {});
      for (const flag of charges.listed("flag", flags))
        list.append(
          make("li", {}, named("flag", flag), " ", make("code", { className: "id", textContent: clean(flag) }))
        );
      found.push(make("h3", { textContent: "Flags" }), list);
    }
    const decisions = charges.listed("decision", text(row, "decision")).filter(Boolean);
    if (decisions.length)
      found.push(
        make("h3", { textContent: "Decision" }),
        pairs(decisions.map((place, at) => ["In approval file" + (at ? ", also" : ""), sameText("decision", place, place)]))
      );
    if (setup.question) found.push(make("p", {}, question(row)));
    return found;
  }

  function humanDay(day) {
    return new Date(day + "T00:00:00Z").toLocaleDateString("en-GB", {
      day: "numeric",
      month: "short",
      year: "numeric",
      timeZone: "UTC"
    });
  }

  const VIA = {
    tag: "its tag",
    match: "the directory's entry for the account or resource",
    project: "the project's entry",
    default: "the default of the source",
    decision: "a decision"
  };

  function fromFile(row, more) {
    const found = [];
    const via = pairs([
      ["PI", VIA[more.pi_via]],
      ["Project", VIA[more.project_via]],
      ["Fund", VIA[more.fund_via]]
    ]);
    if (via.children.length) found.push(make("h3", { textContent: "Who pays was found by" }), via);
    const tags = readTags(more.Tags);
    if (tags) found.push(make("h3", { textContent: "Tags" }), pairs(tags));
    const exact = [
      ["Charge", charges.idOf(state.table, row)],
      ["File", more.file],
      ["Row", more.row],
      ["List price, exact", more.exact_list],
      ["Amount, exact", more.exact_billed]
    ];
    const own = new Set([
      "file",
      "row",
      "pi_via",
      "project_via",
      "fund_via",
      "exact_list",
      "exact_billed",
      ...(tags ? ["Tags"] : [])
    ]);
    const rest = Object.entries(more).filter(([name]) => !own.has(name));
    found.push(make("h3", { textContent: "In the charge file" }), pairs([...exact, ...rest]));
    return found;
  }

  // The tags as pairs; null if there are none, or if they are no JSON object and are shown as they are.
  function readTags(text) {
    try {
      const found = Object.entries(JSON.parse(text));
      return found.length
        ? found.map(([key, value]) => [clean(key), typeof value === "string" ? value : JSON.stringify(value)])
        : null;
    } catch (error) {
      return null;
    }
  }

  dialog.addEventListener("close", () => {
    if (address.charge) location.hash = written({ ...address, charge: "" });
    if (opener && opener.isConnected && opener !== document.body) opener.focus({ preventScroll: true });
    opener = null;
  });
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // ---- CSV ----

  function csvBlob() {
    const chosen = address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT);
    const several = state.table.texts.currency.length > 1;
    const cell = charges.csvCell(setup);
    const order = state.groups ? state.groups.map((group) => group.rows) : [state.rows];
    const pieces = [
      chosen
        .map((column) => (several ? COLUMNS[column].label : headText(column)))
        .concat(several ? ["Currency"] : [])
        .map(cell)
        .join(",") + "\n"
    ];
    // Each text of a column is made a cell once, as long as it fits into memory.
    const cells = new Map(chosen.filter((column) => column in state.table.texts).map((column) => [column, []]));
    const made = (row, column) => {
      const kept = cells.get(column);
      if (!kept) return cellText(row, column);
      const code = state.table.codes[column][row];
      if (kept[code] === undefined) kept[code] = cell(cellText(row, column));
      return kept[code];
    };
    for (const rows of order) {
      let lines = [];
      for (const row of rows) {
        const line = chosen.map((column) => made(row, column));
        if (several) line.push(currencyOf(row));
        lines.push(line.join(","));
        if (lines.length === 10000) (pieces.push(lines.join("\n") + "\n"), (lines = []));
      }
      if (lines.length) pieces.push(lines.join("\n") + "\n");
    }
    return new Blob(pieces, { type: "text/csv" });
  }

  part("csv").addEventListener("click", () => {
    const link = make("a", { href: URL.createObjectURL(csvBlob()) });
    const when =
      setup.months.length > 1
        ? setup.months[0].period + "_" + setup.months[setup.months.length - 1].period
        : setup.months[0].period;
    link.download = "charges-" + when + (state.rows.length < state.table.rows ? "-selection" : "") + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // ---- Controls ----

  function fillControls() {
    const group = part("group");
    const title = (field) => FIELDS[field] || "flags";
    group.replaceChildren(
      make("option", { value: "", textContent: "nothing" }),
      ...GROUPS.map((field) => make("option", { value: field, textContent: title(field) }))
    );
    group.addEventListener("change", () => go({ group: group.value }));
    const sortBy = part("sort-by");
    const order = [
      ["-amount", "Amount, largest first"],
      ["amount", "Amount, smallest first"],
      ["day", "Day"],
      ["service", "Service"],
      ["resource", "Resource"],
      ["project", "Project"],
      ["state", "State"]
    ];
    sortBy.replaceChildren(...order.map(([value, text]) => make("option", { value, textContent: text })));
    sortBy.addEventListener("change", () =>
      go({ sort: sortBy.value.replace("-", ""), down: sortBy.value.startsWith("-") })
    );
    const find = part("find");
    let timer = 0;
    find.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => go({ search: find.value.trim() }, true), 150);
    });
    part("pages").addEventListener("click", (event) => {
      event.preventDefault();
      go({ pages: !address.pages });
    });
    part("clear").addEventListener("click", () => {
      go({ conditions: new Map(), search: "" });
      part("find").focus();
    });
    const facets = part("facets");
    facets.open = wide.matches;
    wide.addEventListener("change", () => (facets.open = wide.matches));
  }

  function showColumns() {
    const shown = new Set(address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT));
    const boxes = Object.keys(COLUMNS)
      .filter((column) => column !== "resource" && column !== "amount")
      .map((column) => {
        const input = make("input", { type: "checkbox", checked: shown.has(column) });
        input.dataset.chosen = column;
        input.addEventListener("change", () => {
          if (input.checked) shown.add(column);
          else shown.delete(column);
          go({ columns: Object.keys(COLUMNS).filter((each) => shown.has(each)) });
        });
        return make("label", {}, input, COLUMNS[column].label);
      });
    part("columns").replaceChildren(...boxes);
  }

  // ---- Following the address ----

  function selects(one, other) {
    const key = (each) =>
      written({ ...each, group: "", sort: "amount", down: true, pages: false, page: 1, charge: "", columns: null });
    return key(one) === key(other);
  }

  function show(before) {
    const changed = !before || !selects(before, address);
    const resorted = changed || before.sort !== address.sort || before.down !== address.down;
    const regrouped = resorted || before.group !== address.group;
    if (changed) state.selection = charges.select(state.table, address.conditions, address.search);
    if (resorted) state.rows = charges.sorted(state.table, state.selection.rows, address.sort, address.down);
    if (regrouped) {
      state.groups = address.group ? charges.grouped(state.table, state.rows, address.group) : null;
      if (state.groups && (!before || before.group !== address.group))
        state.closed = new Set(state.groups.map((group) => group.text));
      state.items = listItems();
      state.active = 0;
    }
    if (document.activeElement !== part("find")) part("find").value = address.search;
    part("group").value = address.group;
    part("sort-by").value = (address.down ? "-" : "") + address.sort;
    if (changed) {
      showFacets();
      showChips();
      showSums();
    }
    const empty = !state.rows.length;
    part("no-match").hidden = !empty;
    if (empty) noMatchText();
    grid.hidden = empty || address.pages;
    part("table").hidden = empty || !address.pages;
    const pages = part("pages");
    pages.textContent = address.pages ? "As one list" : "As pages";
    pages.href = written(copyOf({ pages: !address.pages }));
    const redrawn = regrouped || before.pages !== address.pages || String(before.columns) !== String(address.columns);
    if (redrawn) {
      const focused = document.activeElement && document.activeElement.dataset.column;
      showHead(columns());
      if (focused)
        part("head")
          .querySelector('[data-column="' + focused + '"]')
          ?.focus();
      const chosen = document.activeElement && document.activeElement.dataset.chosen;
      showColumns();
      if (chosen)
        part("columns")
          .querySelector('[data-chosen="' + chosen + '"]')
          .focus();
    }
    if (!grid.hidden && redrawn) layOut();
    if (address.pages && (redrawn || before.page !== address.page)) showPages();
    if (address.charge) showCharge(address.charge);
    else if (dialog.open) dialog.close();
  }

  window.addEventListener("hashchange", () => {
    const before = address;
    address = read(location.hash);
    if (year && !sameSubject(before)) {
      start();
      return;
    }
    if (state.table) show(before);
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

  // ---- Reading the data ----

  function progress(text) {
    part("progress").textContent = text;
    part("progress").hidden = !text;
  }

  // Over twelve months, what is read depends on the project or PI.
  function subject() {
    for (const field of ["project", "pi"])
      if (address.conditions.has(field)) return { field, wanted: address.conditions.get(field) };
    return null;
  }

  function sameSubject(before) {
    const texts = (each) =>
      JSON.stringify(["project", "pi"].map((field) => [...(each.conditions.get(field) || [])].sort()));
    return texts(before) === texts(address);
  }

  const read_months = new Map();

  async function monthData(each) {
    if (!read_months.has(each.period)) {
      if (year) await load(each.data);
      read_months.set(each.period, await charges.readMonth(each.period, each.decided));
    }
    return read_months.get(each.period);
  }

  async function tableOfYear(about) {
    const parts = [];
    for (const [number, each] of setup.months.entries()) {
      progress("Reading " + each.name + ", " + (number + 1) + " of " + setup.months.length + " months …");
      const month = await monthData(each);
      const places = charges.placesOf(month, about.field, about.wanted);
      if (places.length) parts.push({ month, places: Int32Array.from(places) });
    }
    return parts.length ? charges.tableOf(parts) : null;
  }

  async function tableOfMonth() {
    const [each] = setup.months;
    progress("Reading " + counted(each.charges, "charge") + " …");
    const table = charges.tableOf([{ month: await monthData(each), places: null }]);
    read_months.clear();
    return table;
  }

  let run = 0;

  async function start() {
    const mine = ++run;
    const about = subject();
    const overview = document.querySelector("[data-year]");
    if (overview) overview.hidden = Boolean(about);
    if (year) showSubject(about);
    root.hidden = year && !about;
    if (root.hidden) return;
    part("body").hidden = true;
    try {
      const table = year ? await tableOfYear(about) : await tableOfMonth();
      // The address may have changed while months were read.
      if (mine !== run) return;
      state.table = table;
      if (!table) {
        progress(
          "No charge of " +
            [...about.wanted].map((text) => named(about.field, text)).join(", ") +
            " is in the last twelve months."
        );
        if (overview) overview.hidden = false;
        return;
      }
      table.own = table.texts.currency.map((currency) => (currency === setup.currency ? 1 : 0));
      progress("");
      part("body").hidden = false;
      show(null);
      root.dataset.ready = "true";
    } catch (error) {
      progress("The charges cannot be shown: " + error.message + ".");
    }
  }

  // The title of a view over twelve months; without a project or PI, that of the list of months.
  const subjectBox = document.querySelector("[data-subject]");
  const titles = subjectBox ? [...subjectBox.children].map((each) => each.textContent) : [];

  function showSubject(about) {
    const [heading, text] = subjectBox.children;
    if (!about) {
      heading.textContent = titles[0];
      text.textContent = titles[1];
      return;
    }
    const last = setup.months[setup.months.length - 1];
    heading.replaceChildren(
      "Charges of ",
      make("bdi", { textContent: [...about.wanted].map((each) => named(about.field, each)).join(" and ") })
    );
    text.textContent = setup.months.length > 1 ? setup.months[0].name + " to " + last.name : last.name;
  }

  function choose() {
    const form = document.querySelector("[data-choose-form]");
    if (!form) return;
    document.querySelector("[data-choose]").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = form.querySelector("[data-choice]").value.trim();
      const option = [...document.querySelectorAll("#payers option")].find(
        (each) => each.value === wanted || each.textContent === wanted
      );
      document.querySelector("[data-choice-said]").textContent = option ? "" : "Choose a project or PI from the list.";
      if (option)
        location.hash = written(copyOf({ conditions: new Map([[option.dataset.kind, new Set([option.value])]]) }));
    });
  }

  fillControls();
  choose();
  start();
})();
