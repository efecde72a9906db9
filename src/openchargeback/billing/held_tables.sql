-- One row of held_row per charge that was held when its period (`recorded`) was closed and that no later period has
-- decided yet (`done` lists the decided ones). The tables below are the ones that decisions apply to, built from held_row as they
-- would be from the period's own charges. `shown_only` lists the sources that do not post today.
CREATE TABLE held_row AS
SELECT row_number() OVER (ORDER BY recorded, charge) AS n, *
FROM {rows}
WHERE (recorded, charge) NOT IN (SELECT recorded, id FROM done);

CREATE TABLE charge_id AS SELECT n, charge AS id FROM held_row;

CREATE TABLE flag AS
SELECT n, flag, json_extract_string(flags, '/' || replace(replace(flag, '~', '~0'), '/', '~1')) AS why
FROM (SELECT n, flags, unnest(json_keys(flags)) AS flag FROM held_row);

CREATE TABLE payer AS
SELECT
    n AS id,
    nullif(pi, '') AS pi,
    nullif(project, '') AS project,
    nullif(fund, '') AS fund,
    nullif(pi_via, '') AS pi_via,
    nullif(project_via, '') AS project_via,
    nullif(fund_via, '') AS fund_via,
    CASE WHEN pi_via = 'tag' THEN nullif(pi, '') END AS tag_pi,
    CASE WHEN fund_via = 'tag' THEN nullif(fund, '') END AS tag_fund,
    CASE WHEN pi_via = 'default' THEN nullif(pi, '') END AS default_pi,
    CASE WHEN fund_via = 'default' THEN nullif(fund, '') END AS default_fund,
    source NOT IN (SELECT source FROM shown_only) AS posts
FROM held_row;

CREATE TABLE attributed AS
SELECT
    n,
    recorded AS period,
    source,
    service,
    kind,
    currency,
    amount(list) AS list,
    amount(billed) AS cost,
    n AS payer
FROM held_row;

CREATE TABLE detail AS
SELECT
    n,
    path,
    "row"::BIGINT AS "row",
    first_day::DATE AS first_day,
    last_day::DATE AS last_day,
    sub_account,
    sub_account_name,
    resource_id,
    resource_name,
    amount(quantity) AS quantity,
    unit,
    amount(list_unit_price) AS list_unit_price,
    amount(contracted_unit_price) AS contracted_unit_price,
    tags
FROM held_row;

CREATE TABLE follows AS
SELECT held_row.n, original.n AS original
FROM held_row
JOIN held_row AS original ON original.charge = held_row.follows AND original.recorded = held_row.recorded;

CREATE TABLE follows_earlier (n BIGINT, disposition VARCHAR);

CREATE VIEW charge_usage AS SELECT * EXCLUDE (path, "row", sub_account, sub_account_name, tags) FROM detail;
