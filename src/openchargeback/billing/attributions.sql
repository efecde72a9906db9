-- One row per billing line and attribution: its charges whose PI, project and fund were found the same way, unrounded.
CREATE TABLE attribution AS
SELECT
    row_number() OVER (ORDER BY line.id, pi_via, project_via, fund_via, people) AS id,
    line.id AS parent,
    pi_via,
    project_via,
    fund_via,
    people,
    sum(traced.charges)::BIGINT AS charges,
    sum(traced.exact_billed) AS exact_billed,
    sum(traced.exact_list) - sum(traced.exact_billed) AS exact_discount
FROM traced
JOIN line ON line.period = traced.period AND line.pi = traced.pi AND line.project = traced.project AND line.fund = traced.fund
    AND line.source = traced.source AND line.service = traced.service
GROUP BY line.id, pi_via, project_via, fund_via, people
