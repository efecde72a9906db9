// The charge browser's sums of the selection, and the selection as CSV.
(function () {
  "use strict";

  if (!chargesPage) return;
  const {
    COLUMNS, DEFAULT, cellText, counted, currencyOf, headText, make, money, part, setup, state
  } = chargesPage;

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

  // ---- CSV ----

  function csvBlob() {
    const chosen = state.address.columns || (setup.months.length > 1 ? ["period", ...DEFAULT] : DEFAULT);
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

  Object.assign(chargesPage, { showSums });
})();
