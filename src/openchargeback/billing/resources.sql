-- One row is the share of one resource and kind of charge in a billing line, before rounding.
CREATE TABLE resource AS
WITH settled AS (
    SELECT
        charge.n,
        charge.source,
        charge.service,
        charge.kind,
        charge.cost,
        charge.list,
        CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END AS pi,
        CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END AS project,
        coalesce(CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END, '') AS fund
    FROM attributed AS charge
    JOIN payer ON payer.id = charge.payer
    LEFT JOIN disposition ON disposition.n = charge.n
    WHERE coalesce(disposition.disposition, 'billed') = 'billed'
),
summed AS (
    SELECT
        line.id AS parent,
        settled.kind,
        coalesce({resource_id}, '') AS resource_id,
        coalesce({resource_name}, '') AS resource_name,
        count(*) AS charges,
        sum(settled.cost) AS exact_billed,
        sum(settled.list) AS exact_list
    FROM settled
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
