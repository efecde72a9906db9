-- payer: one row per distinct owner; the texts are empty if unknown.
CREATE TABLE payer (id INTEGER, tags VARCHAR, pi VARCHAR, project VARCHAR, fund VARCHAR, customer VARCHAR);
-- label_payer: one row per label and span of days with one payer.
CREATE TABLE label_payer (label INTEGER, payer INTEGER, since BIGINT, until BIGINT);
-- rate: one row per rate; base: seconds times base units of its meter in one unit; prices of one unit.
CREATE TABLE rate (
    id INTEGER, name VARCHAR, unit VARCHAR, base HUGEINT, price DECIMAL(24, 9), list_price DECIMAL(24, 9),
    since BIGINT, until BIGINT, valid_from VARCHAR, subsidy VARCHAR
);
-- priced: one row per label, item, customer class and rate that is for it on some days.
CREATE TABLE priced (label INTEGER, item INTEGER, customer VARCHAR, rate INTEGER, divisor INTEGER);
-- rate_keys: one row per label, item and customer class of the usage in the period, with what rates go by.
SELECT DISTINCT
    used.label, used.item, item.meter, item.variant, payer.customer,
    coalesce(label.cluster, ''), coalesce(label.partition, ''), coalesce(label.qos, ''), coalesce(label.tier, '')
FROM used
JOIN held_item AS item ON item.id = used.item
JOIN label ON label.id = used.label
JOIN label_payer ON label_payer.label = used.label
JOIN payer ON payer.id = label_payer.payer
ORDER BY ALL;
-- undivided: one row per part, where there is no allowance.
CREATE VIEW divided AS SELECT *, '' AS grade FROM part;
-- recurring: whether there is usage that recurs.
SELECT count(*) > 0 FROM held_item AS item JOIN meter ON meter.name = item.meter WHERE meter.recurring;
-- months: the first and the last month in which there is usage.
SELECT left(as_time(min(starts)), 7), left(as_time(max(ends) - 1), 7) FROM held;
-- span: one row per part of the period in which no rate and no owner changes; a UTC day each if rows are per day.
CREATE TABLE span (id INTEGER, starts BIGINT, ends BIGINT);
-- span_on: the number of the span that an instant of the period is in; spans begin at midnight.
CREATE MACRO span_on(instant) AS ({span_of_day})[(instant - {first}) // 86400 + 1];
-- last_record: the highest number of a record that has usage.
SELECT coalesce(max(n), 0) FROM held;
-- used: how many records have usage, and how many of them in the period; as bits, faster than count(DISTINCT n).
SELECT
    coalesce(bit_count(bitstring_agg(n, 0, {most})), 0),
    coalesce(bit_count(bitstring_agg(n, 0, {most}) FILTER (WHERE starts < {last} AND ends > {first})), 0)
FROM held;
-- meter: one row per meter of the kind.
CREATE TABLE meter (
    name VARCHAR, sku VARCHAR, title VARCHAR, category VARCHAR, subcategory VARCHAR, recurring BOOLEAN,
    service VARCHAR
);
-- no_record: the table that a kind creates, where there was nothing to read.
CREATE VIEW IF NOT EXISTS record AS
SELECT n, 0 AS file, 0::BIGINT AS line, 0::UBIGINT AS identity, '' AS resource, '' AS state FROM usage WHERE false;
-- input_file: one row per input: its name without folders.
CREATE TABLE input_file (number INTEGER, name VARCHAR);
-- unpriced: one row per kind of usage for which no rate is there on some day: the first day, and a label, an item and a time
-- by which to find a record of it.
SELECT
    item.meter, item.variant, coalesce(label.partition, '') AS partition, coalesce(label.qos, '') AS qos,
    coalesce(label.tier, '') AS tier, payer.customer, left(as_time(min(charge.starts)), 10) AS day,
    arg_min(charge.label, charge.starts) AS label, arg_min(charge.item, charge.starts) AS item,
    min(charge.starts) AS starts, arg_min(charge.ends, charge.starts) AS ends
FROM charge
JOIN held_item AS item ON item.id = charge.item
JOIN label ON label.id = charge.label
JOIN label_payer
    ON label_payer.label = charge.label AND charge.starts >= label_payer.since AND charge.starts < label_payer.until
JOIN payer ON payer.id = label_payer.payer
WHERE charge.offer IS NULL
GROUP BY ALL ORDER BY ALL LIMIT 50;
-- unpriced_record: the file and the line of the first record that is such usage.
SELECT record.file, record.line
FROM held
JOIN held_level ON held_level.holding = held.holding AND held_level.item = $item
JOIN record ON record.n = held.n
WHERE held.label = $label AND held.starts < $ends AND held.ends > $starts
ORDER BY held.n LIMIT 1;
-- unknown_owners: one row per account whose usage has no project: how many charges it has. A span has one payer.
SELECT coalesce(label.account, '') AS account, sum(used.charges) AS charges
FROM (SELECT label, span, min(starts) AS starts, count(*) AS charges FROM charge GROUP BY label, span) AS used
JOIN label ON label.id = used.label
JOIN label_payer
    ON label_payer.label = used.label AND used.starts >= label_payer.since AND used.starts < label_payer.until
JOIN payer ON payer.id = label_payer.payer
WHERE payer.project = '' GROUP BY ALL ORDER BY ALL;
-- given_rate: two rows per meter whose cost the records give: the row of `rate` that has its unit, and no price; and for
-- credits, one without a unit.
CREATE TABLE given_rate (meter VARCHAR, credit BOOLEAN, rate INTEGER);
-- given_totals: one row per such meter: the cost that its records give for the period, clipped in one piece, and that of
-- the charges, in the currency; they must be equal.
SELECT meter, money(recorded.cost) AS cost_in, money(coalesce(charged.cost, 0)) AS cost_out
FROM (
    SELECT
        usage.meter,
        sum(sign(cost) * used_within(abs(cost), starts, ends, greatest(starts, {first}), least(ends, {last})))::HUGEINT AS cost
    FROM usage JOIN given ON given.n = usage.n AND given.meter = usage.meter AND given.variant = usage.variant
    WHERE starts < {last} AND ends > {first} GROUP BY usage.meter
) AS recorded
LEFT JOIN (
    SELECT item.meter, sum(given_part.cost)::HUGEINT AS cost FROM given_part JOIN held_item AS item ON item.id = given_part.item GROUP BY item.meter
) AS charged USING (meter);
-- named: one row per label: its account and user, and the project, PI and fund that the records name.
SELECT
    label.id, label.account, label.person, coalesce(label_detail.project, ''), coalesce(label_detail.pi, ''),
    coalesce(label_detail.fund, '')
FROM label LEFT JOIN label_detail ON label_detail.label = label.id ORDER BY label.id;
