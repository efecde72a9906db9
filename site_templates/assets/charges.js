// The data of the charge browser: reading it, selecting from it, adding it up. Nothing here touches the page. A
// classic script, so that it also runs from file://. The scripts with data call `charges.month`, `charges.details`
// and `charges.names`; chargesview.js shows what is selected.
//
// Amounts are sums of up to five whole numbers, all but the first of fewer than nine digits
// (billing/browsed_columns.sql). Plain numbers add them up exactly for ninety million charges; BigInt puts the sums
// together.
const charges = (function () {
  "use strict";

  const TEXTS = ["state", "source", "service", "resource", "pi", "project", "fund", "flags", "decision", "currency"];
  const AMOUNTS = ["list", "amount", "cost"];
  const PARTS = 5;
  const STATES = ["billed", "shown", "held", "rejected"];
  // Fields of which a charge may have several: the column with all of them, and what stands between them.
  const LISTS = {
    flag: { column: "flags", between: ";" },
    decision: { column: "decision", between: "\n" }
  };
  // How many digits behind the minor unit of the currency a sum of parts has.
  const DIGITS = 24;

  const months = new Map();
  const details = new Map();
  const shownAs = { pi: {}, source: {}, flag: {} };

  // ---- What the scripts with data call ----

  function month(period, packed) {
    months.set(period, packed);
  }

  function keepDetails(period, number, packed) {
    details.set(period + "/" + number, packed);
  }

  function names(found) {
    Object.assign(shownAs, found);
  }

  // ---- Reading ----

  async function unpack(packed) {
    const bytes = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(packed)
      : Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // The charges of a month as the script has them; its packed form is dropped. later: the decisions of later months on
  // its charges, place → ids.
  async function readMonth(period, later) {
    const packed = months.get(period);
    if (packed === undefined) throw new Error("the data of " + period + " is missing");
    const found = await unpack(packed);
    months.delete(period);
    found.period = period;
    found.rows = found.columns.day.length;
    addDecisions(found, later);
    return found;
  }

  function addDecisions(month, later) {
    const places = new Map();
    const starts = new Set();
    for (const [place, ids] of Object.entries(later)) {
      for (const id of ids) {
        places.set(id, [...(places.get(id) || []), place]);
        starts.add(parseInt(id.slice(0, 8), 16));
      }
    }
    if (!places.size) return;
    const { id_1, id_2, decision = new Array(month.rows).fill(0) } = month.columns;
    const texts = month.texts.decision;
    for (let row = 0; row < month.rows; row++) {
      const found = starts.has(id_1[row]) && places.get(hex(id_1[row]) + hex(id_2[row]));
      if (!found) continue;
      const text = [...listed("decision", texts[decision[row]]).filter(Boolean), ...found].join(LISTS.decision.between);
      if (!texts.includes(text)) texts.push(text);
      decision[row] = texts.indexOf(text);
    }
    month.columns.decision = decision;
  }

  function hex(half) {
    return half.toString(16).padStart(8, "0");
  }

  async function readDetails(period, number) {
    const key = period + "/" + number;
    const packed = details.get(key);
    if (packed === undefined) throw new Error("the details of " + period + " are missing");
    if (typeof packed === "string") details.set(key, unpack(packed));
    return details.get(key);
  }

  function hasDetails(period, number) {
    return details.has(period + "/" + number);
  }

  // One table of the charges of several months. parts: {month, places}, where places lists the rows to take, null
  // for all. Every text is a code in `codes` and stands in `texts`; `amounts` has the parts of each amount, some of
  // them missing.
  function tableOf(parts) {
    const sizes = parts.map((part) => (part.places ? part.places.length : part.month.rows));
    const rows = sizes.reduce((sum, size) => sum + size, 0);
    const table = { rows, codes: {}, texts: {}, ids: [], amounts: {}, places: new Int32Array(rows), fields: [] };
    const starts = sizes.map((_, at) => sizes.slice(0, at).reduce((sum, size) => sum + size, 0));

    function fill(array, name, change) {
      parts.forEach(({ month, places }, at) => {
        const column = month.columns[name];
        const start = starts[at];
        if (!column) {
          // Left out, since it is zero for all.
          if (change) array.fill(change(0, at), start, start + sizes[at]);
          return;
        }
        if (!places && !change) array.set(column, start);
        else if (!places) for (let i = 0; i < column.length; i++) array[start + i] = change(column[i], at);
        else
          for (let i = 0; i < places.length; i++)
            array[start + i] = change ? change(column[places[i]], at) : column[places[i]];
      });
      return array;
    }

    for (const name of TEXTS) {
      const known = new Map();
      const texts = [];
      // Of each month, the code of a text in this table; they differ only if there are several months.
      const maps = parts.map(({ month }) =>
        month.texts[name].map((text) => {
          const key = name === "resource" ? text.join("\u0000") : text;
          if (!known.has(key)) {
            known.set(key, texts.length);
            texts.push(text);
          }
          return known.get(key);
        })
      );
      table.codes[name] = fill(new Int32Array(rows), name, parts.length > 1 ? (code, at) => maps[at][code] : null);
      table.texts[name] = name === "resource" ? texts.map(([text]) => text) : texts;
      if (name === "resource") table.resourceIds = texts.map(([, id]) => id);
    }
    const days = fill(new Int32Array(rows), "day");
    const known = [...new Set(days)].sort((one, other) => one - other);
    const codes = new Map(known.map((day, code) => [day, code]));
    table.codes.day = days.map((day) => codes.get(day));
    table.texts.day = known.map((day) => new Date(day * 86400000).toISOString().slice(0, 10));
    table.texts.period = parts.map(({ month }) => month.period);
    table.codes.period = new Int32Array(rows);
    parts.forEach(({ month, places }, at) => {
      table.codes.period.fill(at, starts[at], starts[at] + sizes[at]);
      for (let i = 0; i < sizes[at]; i++) table.places[starts[at] + i] = places ? places[i] : i;
      table.fields.push(month.fields);
    });
    table.ids = [fill(new Uint32Array(rows), "id_1"), fill(new Uint32Array(rows), "id_2")];
    for (const name of AMOUNTS) {
      table.amounts[name] = [];
      for (let part = 1; part <= PARTS; part++) {
        const column = name + "_" + part;
        const used = parts.some(({ month }) => month.columns[column]);
        table.amounts[name].push(
          used ? fill(part === 1 ? new Float64Array(rows) : new Int32Array(rows), column) : null
        );
      }
    }
    // Only the ledger's own currency is added up in facets and groups.
    table.own = table.texts.currency.map(() => 1);
    return table;
  }

  // The rows of a month whose project or PI is one of these texts.
  function placesOf(month, field, wanted) {
    const allowed = month.texts[field].map((text) => wanted.has(text));
    const column = month.columns[field];
    const places = [];
    for (let place = 0; place < month.rows; place++) if (allowed[column ? column[place] : 0]) places.push(place);
    return places;
  }

  // ---- Amounts ----

  // The sum of parts, in 10^-24 of the minor unit.
  function whole(parts) {
    let total = 0n;
    for (let part = 0; part < PARTS; part++) {
      if (parts[part]) total += BigInt(parts[part]) * 10n ** BigInt(DIGITS + 8 - 8 * part);
    }
    return total;
  }

  // An amount as text with so many decimals, rounded half-up. unit: the decimals of the minor unit that it is
  // counted in.
  function plain(total, unit, places) {
    const step = 10n ** BigInt(DIGITS + unit - places);
    const size = total < 0n ? -total : total;
    const rounded = (2n * size + step) / (2n * step);
    const digits = rounded.toString().padStart(places + 1, "0");
    const text = places ? digits.slice(0, -places) + "." + digits.slice(-places) : digits;
    return total < 0n && rounded ? "-" + text : text;
  }

  function human(text) {
    const [before, after] = text.replace("-", "\u2212").split(".");
    const grouped = before.replace(/\B(?=(\d{3})+$)/g, ",");
    return after === undefined ? grouped : grouped + "." + after;
  }

  function partsOf(table, name, row) {
    return table.amounts[name].map((column) => (column ? column[row] : 0));
  }

  // The discount is negative: what is taken off the list price.
  function discountParts(table, row) {
    const listed = partsOf(table, "list", row);
    return partsOf(table, "amount", row).map((part, at) => part - listed[at]);
  }

  // ---- Selecting ----

  // What a charge has of a field, such as its flags, given the text of its column.
  function listed(field, text) {
    return text && LISTS[field] ? text.split(LISTS[field].between) : [text];
  }

  function columnOf(field) {
    return LISTS[field] ? LISTS[field].column : field;
  }

  // For each code of a field, whether one of these texts is meant; a flag is one of the flags of a charge.
  function allowedCodes(table, field, wanted) {
    const texts = table.texts[columnOf(field)];
    const allowed = new Uint8Array(texts.length);
    texts.forEach((text, code) => (allowed[code] = listed(field, text).some((each) => wanted.has(each)) ? 1 : 0));
    return allowed;
  }

  // Whether each charge has every word of a search somewhere in its texts, or starts with it as its id.
  function searchFailures(table, failed, search) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    for (const word of words) {
      const has = (text) => (text.toLowerCase().includes(word) ? 1 : 0);
      const tests = ["resource", "service", "source", "pi", "project", "fund"].map((field) => {
        const labels = table.texts[field].map((text) => text + " " + name(field, text));
        if (field === "resource") table.resourceIds.forEach((id, code) => (labels[code] += " " + id));
        return [table.codes[field], labels.map(has)];
      });
      const ids = /^[0-9a-f]{4,16}$/.test(word) ? new Set(findIds(table, word)) : null;
      for (let row = 0; row < table.rows; row++) {
        if (failed[row] === 255) continue;
        let found = false;
        for (const [column, allowed] of tests) {
          if (allowed[column[row]]) {
            found = true;
            break;
          }
        }
        if (!found && !(ids && ids.has(row))) failed[row] = 255;
      }
    }
  }

  // What is selected: `rows`, their number, and for each charge in `failed` 0, or the number of the only condition
  // that it does not meet, or 255. conditions: field → texts.
  function select(table, conditions, search) {
    const failed = new Uint8Array(table.rows);
    searchFailures(table, failed, search);
    const numbers = new Map();
    let number = 0;
    for (const [field, wanted] of conditions) {
      numbers.set(field, ++number);
      const column = table.codes[columnOf(field)];
      const allowed = allowedCodes(table, field, wanted);
      for (let row = 0; row < table.rows; row++) {
        if (!allowed[column[row]]) failed[row] = failed[row] ? 255 : number;
      }
    }
    let count = 0;
    const rows = new Int32Array(table.rows);
    for (let row = 0; row < table.rows; row++) if (!failed[row]) rows[count++] = row;
    return { rows: rows.slice(0, count), failed, numbers };
  }

  // Per code of a field, the number of charges and the sum of their amounts, regardless of the field's own
  // conditions.
  function facetSums(table, selection, field) {
    const column = table.codes[columnOf(field)];
    const own = selection.numbers.get(field) || 0;
    const size = table.texts[columnOf(field)].length;
    const counts = new Float64Array(size);
    const parts = table.amounts.amount.map((values) => (values ? { values, sums: new Float64Array(size) } : null));
    const used = parts.filter(Boolean);
    const { failed } = selection;
    const currency = table.codes.currency;
    for (let row = 0; row < table.rows; row++) {
      if (failed[row] && failed[row] !== own) continue;
      const code = column[row];
      counts[code]++;
      if (!table.own[currency[row]]) continue;
      for (const { values, sums } of used) sums[code] += values[row];
    }
    return { counts, sums: parts.map((part) => (part ? part.sums : null)) };
  }

  // The values of a facet, the largest amount first: text, number of charges, amount. Each flag of a charge counts.
  function facet(table, selection, field) {
    const { counts, sums } = facetSums(table, selection, field);
    const found = new Map();
    counts.forEach((count, code) => {
      if (!count) return;
      const total = whole(sums.map((sum) => (sum ? sum[code] : 0)));
      for (const text of listed(field, table.texts[columnOf(field)][code])) {
        const known = found.get(text) || { text, count: 0, total: 0n };
        found.set(text, { text, count: known.count + count, total: known.total + total });
      }
    });
    const values = [...found.values()];
    if (field === "state") return values.sort((one, other) => STATES.indexOf(one.text) - STATES.indexOf(other.text));
    if (field === "period") return values.sort((one, other) => (one.text < other.text ? 1 : -1));
    return values.sort((one, other) => compare(other.total, one.total) || (one.text < other.text ? -1 : 1));
  }

  function compare(one, other) {
    return one < other ? -1 : one > other ? 1 : 0;
  }

  // The sums of rows by currency and state. Those of billed charges are in cents; `imported` is exact.
  function sums(table, rows) {
    const found = table.texts.currency.map((currency) => ({ currency, count: 0, states: {} }));
    const { state, currency } = table.codes;
    for (const each of found) {
      for (const name of ["imported", ...STATES]) each.states[name] = new Float64Array(PARTS);
    }
    const byCode = found.map((each) => table.texts.state.map((text) => each.states[text]));
    for (const row of rows) found[currency[row]].count++;
    for (let part = 0; part < PARTS; part++) {
      const amount = table.amounts.amount[part];
      const cost = table.amounts.cost[part];
      if (amount) for (const row of rows) byCode[currency[row]][state[row]][part] += amount[row];
      if (cost) for (const row of rows) found[currency[row]].states.imported[part] += cost[row];
    }
    for (const each of found) {
      for (const name in each.states) each.states[name] = whole(each.states[name]);
    }
    return found;
  }

  // The sums of the amounts of rows in the ledger's own currency.
  function amountsOf(table, rows) {
    const found = {};
    for (const name of ["list", "amount"]) {
      found[name] = whole(
        table.amounts[name].map((values) => {
          if (!values) return 0;
          let sum = 0;
          for (const row of rows) if (table.own[table.codes.currency[row]]) sum += values[row];
          return sum;
        })
      );
    }
    found.discount = found.amount - found.list;
    return found;
  }

  // ---- Order ----

  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // The place of each code of a field among the others, as people sort names; texts that are empty come last.
  function ranks(table, field) {
    const key = "rank " + field;
    if (!table[key]) {
      const texts = table.texts[field].map((text) =>
        field === "state" ? String(STATES.indexOf(text)) : name(field, text)
      );
      const order = texts.map((_, code) => code);
      order.sort(
        (one, other) => !texts[one] - !texts[other] || collator.compare(texts[one], texts[other]) || one - other
      );
      table[key] = new Int32Array(order.length);
      order.forEach((code, rank) => (table[key][code] = rank));
    }
    return table[key];
  }

  // What to sort rows by: amounts as shown, rounded to the minor unit.
  function sortKey(table, column) {
    if (column in table.codes) {
      const rank = ranks(table, column);
      const codes = table.codes[column];
      return (row) => rank[codes[row]];
    }
    if (column === "id") return (row) => table.ids[0][row] * 1048576 + (table.ids[1][row] >>> 12);
    const rounded = (name) => {
      const [high, low, rest] = table.amounts[name];
      return (row) => {
        const cents = (high ? high[row] * 1e8 : 0) + (low ? low[row] : 0);
        return rest ? cents + Math.sign(rest[row]) * (Math.abs(rest[row]) >= 5e7 ? 1 : 0) : cents;
      };
    };
    const amount = rounded("amount");
    const listed = rounded("list");
    return column === "list" ? listed : column === "discount" ? (row) => amount(row) - listed(row) : amount;
  }

  // The characters of the longest amount of a column, as people read it.
  function longest(table, column) {
    const key = sortKey(table, column);
    let most = 1;
    for (let row = 0; row < table.rows; row++) most = Math.max(most, Math.abs(key(row)));
    const digits = Math.ceil(Math.log10(most + 1));
    return digits + 2 + Math.floor(Math.max(0, digits - 3) / 3);
  }

  // Rows in the order of a column; equal ones stay in the order of the files.
  function sorted(table, rows, column, down) {
    const key = sortKey(table, column);
    const bits = Math.ceil(Math.log2(table.rows + 1));
    const room = 2 ** (53 - bits);
    const step = 2 ** bits;
    const keys = new Float64Array(rows.length);
    let fits = true;
    for (let i = 0; i < rows.length; i++) {
      const value = down ? -key(rows[i]) : key(rows[i]);
      keys[i] = value;
      if (value >= room || value <= -room) fits = false;
    }
    if (!fits) {
      const order = Array.from(rows, (_, at) => at).sort((one, other) => keys[one] - keys[other] || one - other);
      return Int32Array.from(order, (at) => rows[at]);
    }
    // Key and row as one number: sorting plain numbers is ten times as fast as comparing rows.
    for (let i = 0; i < rows.length; i++) keys[i] = keys[i] * step + rows[i];
    keys.sort();
    return Int32Array.from(keys, (each) => each - Math.floor(each / step) * step);
  }

  // The groups of sorted rows, the largest amount first: text, rows and sums.
  function grouped(table, rows, field) {
    const codes = table.codes[field];
    const counts = new Int32Array(table.texts[field].length);
    for (const row of rows) counts[codes[row]]++;
    const lists = Array.from(counts, (count) => (count ? new Int32Array(count) : null));
    counts.fill(0);
    for (const row of rows) lists[codes[row]][counts[codes[row]]++] = row;
    const found = [];
    lists.forEach((list, code) => {
      if (list) found.push({ text: table.texts[field][code], rows: list, sums: amountsOf(table, list) });
    });
    return found.sort(
      (one, other) => compare(other.sums.amount, one.sums.amount) || collator.compare(one.text, other.text)
    );
  }

  // ---- Single charges ----

  function idOf(table, row) {
    return table.ids.map((half) => hex(half[row])).join("");
  }

  // The rows whose id starts with these hex digits.
  function findIds(table, start) {
    const found = [];
    const first = start.slice(0, 8);
    const low = parseInt(first.padEnd(8, "0"), 16);
    const high = parseInt(first.padEnd(8, "f"), 16);
    for (let row = 0; row < table.rows; row++) {
      if (table.ids[0][row] >= low && table.ids[0][row] <= high && idOf(table, row).startsWith(start)) found.push(row);
    }
    return found;
  }

  function name(field, text) {
    const known = shownAs[field === "flags" ? "flag" : field];
    return (known && Object.hasOwn(known, text) && known[text]) || text;
  }

  // ---- CSV, by the rules of csv_writing.py ----

  // rules: the patterns of csv_writing.py.
  function csvCell(rules) {
    const risky = new RegExp(rules.risky, "u");
    const number = new RegExp("^(?:" + rules.number + ")$", "u");
    return function (text) {
      const bare = text.replace(/^'+/, "");
      const guarded = risky.test(bare) && !number.test(bare) ? "'" + text : text;
      const quote = /[,;"\r\n\t]/.test(guarded) || guarded !== guarded.trim();
      return quote ? '"' + guarded.replaceAll('"', '""') + '"' : guarded;
    };
  }

  return {
    month,
    details: keepDetails,
    names,
    readMonth,
    readDetails,
    hasDetails,
    tableOf,
    placesOf,
    whole,
    plain,
    human,
    partsOf,
    discountParts,
    select,
    facet,
    sums,
    amountsOf,
    sorted,
    longest,
    grouped,
    listed,
    columnOf,
    idOf,
    findIds,
    name,
    csvCell,
    STATES
  };
})();
