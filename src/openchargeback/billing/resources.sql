-- One row per resource and kind of charge in a billing line, before rounding.
CREATE TABLE resource AS
WITH summed AS (
    SELECT
        line.id AS parent,
        settled.kind,
        coalesce({resource_id}, '') AS resource_id,
        coalesce({resource_name}, '') AS resource_name,
        count(*) AS charges,
        sum(settled.cost) AS exact_billed,
        sum(settled.list) AS exact_list
    FROM billed_charge AS settled
    JOIN cell ON cell.n = settled.n
    JOIN line ON line.pi = settled.pi AND line.project = settled.project AND line.fund = settled.fund
        AND line.source = settled.source AND line.service = settled.service
    GROUP BY ALL
)
SELECT
    row_number() OVER (ORDER BY parent, kind, resource_id, resource_name) AS id,
    *,
    exact_list - exact_billed AS exact_discount
FROM summed
