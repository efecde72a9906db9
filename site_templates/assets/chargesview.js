// The charge browser's controls: reading the data, and following the address.
(function () {
  "use strict";

  if (!chargesPage) return;
  const {
    COLUMNS, DEFAULT, FIELDS, GROUPS, columns, copyOf, counted, dialog, go, grid, layOut, listItems,
    load, make, named, noMatchText, part, read, root, setup, showCharge, showChips, showFacets,
    showHead, showPages, showSums, state, written
  } = chargesPage;

  const wide = window.matchMedia("(min-width: 69em)");
  const year = setup.months.length !== 1 || document.querySelector("[data-year]") !== null;

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
      go({ pages: !state.address.pages });
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
    const shown = new Set(state.address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT));
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
    const changed = !before || !selects(before, state.address);
    const resorted = changed || before.sort !== state.address.sort || before.down !== state.address.down;
    const regrouped = resorted || before.group !== state.address.group;
    if (changed) state.selection = charges.select(state.table, state.address.conditions, state.address.search);
    if (resorted) {
      const { sort, down } = state.address;
      state.rows = charges.sorted(state.table, state.selection.rows, sort, down);
    }
    if (regrouped) {
      state.groups = state.address.group ? charges.grouped(state.table, state.rows, state.address.group) : null;
      if (state.groups && (!before || before.group !== state.address.group))
        state.closed = new Set(state.groups.map((group) => group.text));
      state.items = listItems();
      state.active = 0;
    }
    if (document.activeElement !== part("find")) part("find").value = state.address.search;
    part("group").value = state.address.group;
    part("sort-by").value = (state.address.down ? "-" : "") + state.address.sort;
    if (changed) {
      showFacets();
      showChips();
      showSums();
    }
    const empty = !state.rows.length;
    part("no-match").hidden = !empty;
    if (empty) noMatchText();
    grid.hidden = empty || state.address.pages;
    part("table").hidden = empty || !state.address.pages;
    const pages = part("pages");
    pages.textContent = state.address.pages ? "As one list" : "As pages";
    pages.href = written(copyOf({ pages: !state.address.pages }));
    const recolumned = !before || String(before.columns) !== String(state.address.columns);
    const redrawn = regrouped || before.pages !== state.address.pages || recolumned;
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
    if (state.address.pages && (redrawn || before.page !== state.address.page)) showPages();
    if (state.address.charge) showCharge(state.address.charge);
    else if (dialog.open) dialog.close();
  }

  window.addEventListener("hashchange", () => {
    const before = state.address;
    state.address = read(location.hash);
    if (year && !sameSubject(before)) {
      start();
      return;
    }
    if (state.table) show(before);
  });

  // ---- Reading the data ----

  function progress(text) {
    part("progress").textContent = text;
    part("progress").hidden = !text;
  }

  // Over twelve months, what is read depends on the project or PI.
  function subject() {
    for (const field of ["project", "pi"])
      if (state.address.conditions.has(field)) return { field, wanted: state.address.conditions.get(field) };
    return null;
  }

  function sameSubject(before) {
    const texts = (each) =>
      JSON.stringify(["project", "pi"].map((field) => [...(each.conditions.get(field) || [])].sort()));
    return texts(before) === texts(state.address);
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
