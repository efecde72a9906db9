// The charge browser's dialog with everything known about one charge.
(function () {
  "use strict";

  if (!chargesPage) return;
  const {
    clean, copyOf, currencyOf, humanDay, label, load, make, money, monthOf, named, part, parts,
    setup, shownCell, state, written
  } = chargesPage;

  // ---- One charge ----

  const dialog = part("charge");
  let opener = null;

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
      if (state.address.charge === id) fill(box, rows[0], fromFile(rows[0], more));
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
    const address = setup.question
      .replace("{charge}", () => id)
      .replace("{subject}", () => encodeURIComponent("charge " + id + ", " + clean(about)));
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
        pairs(
          decisions.map((place, at) => ["In approval file" + (at ? ", also" : ""), sameText("decision", place, place)])
        )
      );
    if (setup.question) found.push(make("p", {}, question(row)));
    return found;
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
    if (state.address.charge) location.hash = written({ ...state.address, charge: "" });
    if (opener && opener.isConnected && opener !== document.body) opener.focus({ preventScroll: true });
    opener = null;
  });
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  Object.assign(chargesPage, { dialog, showCharge });
})();
