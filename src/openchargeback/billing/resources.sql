-- One row per resource and kind of charge in a billing line, before rounding.
CREATE TABLE resource AS
WITH summed AS (
    SELECT
        line.id AS parent,
        billed.kind,
        coalesce({resource_id}, '') AS resource_id,
        coalesce({resource_name}, '') AS resource_name,
        count(*) AS charges,
        sum(billed.cost) AS exact_billed,
        sum(billed.list) AS exact_list
    FROM billed_charge AS billed
    JOIN cell ON cell.n = billed.n
    JOIN line ON line.period = billed.period AND line.pi = billed.pi AND line.project = billed.project AND line.fund = billed.fund
        AND line.source = billed.source AND line.service = billed.service
    GROUP BY ALL
)
SELECT
    row_number() OVER (ORDER BY parent, kind, resource_id, resource_name) AS id,
    *,
    exact_list - exact_billed AS exact_discount
FROM summed
