// The charge browser's filters: facets with money, the conditions that are set, and what to say if nothing matches.
(function () {
  "use strict";

  if (!chargesPage) return;
  const {
    FIELDS, NOTHING, clean, counted, go, make, money, named, part, setup, state, toggled
  } = chargesPage;

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
  const MOST_FACET_VALUES = 6;

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
    const wanted = state.address.conditions.get(field) || new Set();
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
    for (const [field, texts] of state.address.conditions) {
      for (const text of texts)
        chips.push(chip(FIELDS[field], named(field, text), () => go(toggled(field, text, false))));
    }
    if (state.address.search) chips.push(chip("find", clean(state.address.search), () => go({ search: "" })));
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
    const wanted = [...state.address.conditions].map(([field, texts]) =>
      [...texts].map((text) => named(field, text)).join(" or ")
    );
    if (state.address.search) wanted.push("“" + clean(state.address.search) + "”");
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

  Object.assign(chargesPage, { noMatchText, showChips, showFacets });
})();
