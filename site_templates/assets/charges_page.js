// The charge browser: what its scripts share. It shows what the address after # selects from the data of charges.js.
// Every control only changes the address, and the page follows it, so that each view can be linked to and the back
// button works. charges_filters.js, charges_table.js, charges_sums.js and charges_detail.js draw the parts of the page,
// and chargesview.js follows the address. Each adds what others call to `chargesPage`, which is null on other pages.
// Texts from data are set as text, never as markup.
const chargesPage = (function () {
  "use strict";

  const root = document.getElementById("charges");
  if (!root) return null;
  const setup = JSON.parse(root.dataset.setup);
  const part = (name) => root.querySelector("[data-" + name + "]");

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
  const MISLEADING = new RegExp("[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}" + setup.misleading + "]+", "gu");

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

  state.address = read(location.hash);

  function copyOf(changes) {
    const conditions = new Map([...state.address.conditions].map(([field, texts]) => [field, new Set(texts)]));
    return { ...state.address, conditions, page: 1, charge: "", ...changes };
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
    const chosen = state.address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT);
    if (state.address.columns) return chosen;
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

  function humanDay(day) {
    return new Date(day + "T00:00:00Z").toLocaleDateString("en-GB", {
      day: "numeric",
      month: "short",
      year: "numeric",
      timeZone: "UTC"
    });
  }

  // ---- Scripts with data ----

  function load(source) {
    return new Promise((done, failed) => {
      const script = make("script", { src: source });
      script.addEventListener("load", done);
      script.addEventListener("error", () => failed(new Error(source + " cannot be read")));
      document.head.append(script);
    });
  }

  return {
    COLUMNS, DEFAULT, FIELDS, GROUPS, MONEY, NOTHING, cellText, clean, columns, copyOf, counted, currencyOf,
    go, headText, humanDay, label, load, make, money, monthOf, named, part, parts,
    read, root, setup, shownCell, state, toggled, written
  };
})();
