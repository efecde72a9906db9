-- One row of held_row is one charge that was held when its period closed and that no later period has settled yet.
-- What follows are the tables that decisions are applied to, made from it as the period's own charges would make them.
CREATE TABLE held_row AS
SELECT row_number() OVER (ORDER BY charge) AS n, *
FROM {rows}
WHERE NOT list_contains($settled, charge);

CREATE TABLE charge_id AS SELECT n, charge AS id FROM held_row;

CREATE TABLE flag AS SELECT n, unnest(string_split(flags, ' ')) AS flag FROM held_row;

CREATE TABLE reason (flag VARCHAR, source VARCHAR, project VARCHAR, service VARCHAR, why VARCHAR);

CREATE TABLE payer AS
SELECT
    n AS id,
    nullif(pi, '') AS pi,
    nullif(project, '') AS project,
    nullif(fund, '') AS fund,
    nullif(pi_via, '') AS pi_via,
    NULL::VARCHAR AS project_via,
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
    source,
    service,
    kind,
    currency,
    amount(list) AS list,
    amount(billed) AS cost,
    n AS payer
FROM held_row;

CREATE VIEW cell AS SELECT n, resource_id AS ResourceId, resource_name AS ResourceName FROM held_row;
