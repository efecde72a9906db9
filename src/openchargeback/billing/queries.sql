-- attributions: charges of a statement whose PI, project and fund were found the same way.
SELECT
    line.period,
    line.pi,
    line.project,
    list_contains($posting, line.source) AS posted,
    pi_via,
    project_via,
    fund_via,
    people,
    sum(attribution.charges)::BIGINT AS charges,
    sum(attribution.exact_billed),
    sum(share.billed)::HUGEINT
FROM attribution
JOIN attribution_share AS share ON share.id = attribution.id
JOIN line ON line.id = attribution.parent
GROUP BY ALL
ORDER BY line.period, line.pi, line.project, charges DESC, pi_via, project_via, fund_via, people, posted;

-- billing_lines: a billing line, exact and in units of the currency (cents).
SELECT
    line.period,
    line.pi,
    line.project,
    line.fund,
    line.source,
    line.service,
    line.charges,
    line.exact_list,
    line.exact_billed,
    share.discount,
    share.billed
FROM line
JOIN line_share AS share ON share.id = line.id
ORDER BY line.id;

-- funds: an accounting string of billing lines of a period.
SELECT DISTINCT period, fund
FROM line
ORDER BY ALL;

-- line_totals: the billing lines of a source in a period, exact and in units of the currency (cents).
SELECT
    line.period,
    line.source,
    count(*) AS lines,
    bool_or(share.billed <> 0) AS has_amounts,
    sum(line.exact_list) AS exact_list,
    sum(line.exact_billed) AS exact_billed,
    sum(share.discount)::HUGEINT AS discount,
    sum(share.billed)::HUGEINT AS billed
FROM line
JOIN line_share AS share ON share.id = line.id
GROUP BY line.period, line.source
ORDER BY line.period, line.source;

-- odd_texts: a text of the charges on statements that may not be a cell of a CSV file as it is.
SELECT DISTINCT text
FROM (
    SELECT unnest([fund, source, service]) AS text FROM line
    UNION ALL
    SELECT unnest([resource_id, resource_name]) FROM resource
    UNION ALL
    SELECT unnest([usage.unit, usage.person]) FROM charge_usage AS usage SEMI JOIN charge_part AS part ON part.n = usage.n
)
WHERE NOT regexp_full_match(text, $plain);

-- text_macros: an exact amount and cents as text; empty for NULL.
CREATE MACRO exact_text(amount) AS coalesce(rtrim(rtrim(amount::VARCHAR, '0'), '.'), '');
CREATE MACRO cents_text(units) AS ((units::DECIMAL(30, 0)) * {unit})::VARCHAR;

-- odd_tags: a distinct text of tags that has characters beyond ASCII, as such or escaped.
SELECT DISTINCT text
FROM tag
WHERE strlen(text) <> length(text) OR contains(text, '\u');

-- original: a charge of an earlier month that a correction of `period` refers to, with its outcome.
CREATE TABLE original (
    period VARCHAR,
    source VARCHAR,
    number VARCHAR,
    disposition VARCHAR,
    pi VARCHAR,
    project VARCHAR,
    fund VARCHAR,
    why VARCHAR
);

-- places_of_ids: a charge by its id, with its file and number.
SELECT charge_id.id, charge.file, charge.n
FROM charge_id
JOIN attributed AS charge USING (n)
WHERE list_contains($ids, charge_id.id);

-- payer_of_earlier: a correction that takes the payer of the charge of an earlier month that it refers to.
UPDATE attributed SET payer = payer.id
FROM follows_earlier
JOIN payer ON payer.source = follows_earlier.source AND payer.category = follows_earlier.number
    AND payer.pi_via = 'reference' AND payer.pi IS NOT DISTINCT FROM follows_earlier.pi
    AND payer.project IS NOT DISTINCT FROM follows_earlier.project
    AND payer.fund IS NOT DISTINCT FROM follows_earlier.fund
WHERE attributed.n = follows_earlier.n;

-- payers: a PI and a project with billing lines in a period.
SELECT DISTINCT period, pi, project
FROM line;

-- reference_key: a tag key for a reference.
CREATE TABLE reference_key (
    key_set INTEGER,
    name VARCHAR,
    rank INTEGER,
    key VARCHAR,
    folded VARCHAR,
    path VARCHAR
);

-- references: a reference on a statement: the number of distinct values in its charges, and the first few.
SELECT
    traced.period,
    traced.pi,
    traced.project,
    reference.name,
    count(DISTINCT reference.value),
    list_sort(list(DISTINCT reference.value))[:$most]
FROM traced
JOIN payer ON payer.id = traced.payer
JOIN reference ON reference.tag = payer.tag
GROUP BY ALL
ORDER BY 1, 2, 3, 4;

-- remaining: the exact amount of a source of a period that is held in one currency.
SELECT period, source, currency, sum(cost)
FROM attributed
JOIN disposition USING (n)
WHERE disposition.disposition = 'held'
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- source_total: the total of a source in a period in units of the currency (cents), rounded half-up.
CREATE TABLE source_total AS
SELECT
    source_id AS id,
    round(sum(exact_billed) * $scale::INTEGER)::HUGEINT AS billed,
    round(sum(exact_discount) * $scale::INTEGER)::HUGEINT AS discount
FROM line
GROUP BY source_id;

-- still_held: a decision with the number of its charges that stay held, and the flags that hold them.
SELECT ruling.decision, count(DISTINCT n), list_sort(list(DISTINCT held.flag))
FROM ruling
JOIN held USING (n)
GROUP BY 1
ORDER BY 1;

-- traced_resources: a resource of a billing line, exact and in units.
SELECT resource.id, resource_name, resource_id, kind, exact_billed, share.billed
FROM resource
JOIN resource_share AS share ON share.id = resource.id
ORDER BY resource.id;

-- traced_sources: the total of a source, exact and in units, with the number of its lines.
SELECT line.source, sum(line.exact_billed), any_value(total.billed), count(*)
FROM line
JOIN source_total AS total ON total.id = line.source_id
GROUP BY line.source;

-- cover_book_lines: a posted line of a statement, marked if its charges come to its cents.
UPDATE book_line SET covered = EXISTS (
    SELECT 1
    FROM line
    JOIN line_share AS share ON share.id = line.id
    WHERE line.period = $period AND line.pi = book_line.pi AND line.project = book_line.project
        AND line.fund = book_line.fund AND line.source = book_line.source AND line.service = book_line.service
        AND share.billed = book_line.billed
);

-- statement_file: a monthly statement with the file that its charges were written to.
CREATE TABLE statement_file (filename VARCHAR, period VARCHAR, number VARCHAR, pi VARCHAR, project VARCHAR);

-- charge_row: a row of `charges.csv` of one of the statements, as text.
CREATE TABLE charge_row AS
SELECT *
FROM read_csv({files}, auto_detect = false, header = true, columns = {columns}, filename = true, quote = '"', escape = '"',
    delim = ',', max_line_size = 20000000);

-- published_charge: a row of `charges.csv` of the open data, as text, in its order.
CREATE TABLE published_charge AS
SELECT *
FROM read_csv({file}, auto_detect = false, header = true, columns = {columns}, quote = '"', escape = '"', delim = ',',
    max_line_size = 20000000);

-- own_payer: a PI and project whose charges an audience may see; NULL where a charge has none, as in `charges.csv`.
CREATE OR REPLACE TEMP TABLE own_payer (pi VARCHAR, project VARCHAR);

-- own_charge: a row of `charges.csv` that the audience may see.
CREATE OR REPLACE TEMP VIEW own_charge AS
SELECT charge.*, charge.rowid AS place
FROM published_charge AS charge
SEMI JOIN own_payer
    ON own_payer.pi IS NOT DISTINCT FROM charge.pi AND own_payer.project IS NOT DISTINCT FROM charge.project;

-- own_rows: a row of the audience's own `charges.csv`.
SELECT * EXCLUDE (place) FROM own_charge ORDER BY place;

-- own_totals: what the audience may see of a source in one currency.
SELECT
    source,
    currency,
    count(DISTINCT file) AS files,
    count(*) AS charges,
    sum(billed::DECIMAL(38, 18)) AS imported,
    coalesce(sum(billed::DECIMAL(38, 18)) FILTER (disposition = 'billed'), 0) AS billed,
    coalesce(sum(billed::DECIMAL(38, 18)) FILTER (disposition = 'held'), 0) AS held,
    coalesce(sum(billed::DECIMAL(38, 18)) FILTER (disposition = 'rejected'), 0) AS rejected,
    sum(coalesce(nullif(list, ''), '0')::DECIMAL(38, 18)) AS imported_list,
    count(*) FILTER (disposition = 'billed') AS charges_billed,
    count(*) FILTER (disposition = 'held') AS charges_held,
    count(*) FILTER (disposition = 'rejected') AS charges_rejected
FROM own_charge
GROUP BY source, currency
ORDER BY source, currency;

-- resource_names: an id or a name of a resource in these charges.
SELECT DISTINCT text
FROM (
    SELECT unnest([resource_id, resource_name]) AS text FROM own_charge
)
WHERE text <> '';

-- own_ids: the id of one of these charges.
SELECT charge FROM own_charge;
