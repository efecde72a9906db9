-- One row per billing line before rounding: the billed charges of one period, PI, project, fund, source and service.
CREATE TABLE line AS
WITH billed AS (
    SELECT charge.period, charge.source, charge.service, payer.pi, payer.project, payer.fund, charge.cost, charge.list
    FROM attributed AS charge
    JOIN payer ON payer.id = charge.payer
    ANTI JOIN disposition ON disposition.n = charge.n
    UNION ALL
    SELECT
        charge.period,
        charge.source,
        charge.service,
        CASE WHEN disposition.decided THEN disposition.pi ELSE payer.pi END,
        CASE WHEN disposition.decided THEN disposition.project ELSE payer.project END,
        CASE WHEN disposition.decided THEN disposition.fund ELSE payer.fund END,
        charge.cost,
        charge.list
    FROM disposition
    JOIN attributed AS charge USING (n)
    JOIN payer ON payer.id = charge.payer
    WHERE disposition.disposition = 'billed'
)
SELECT
    row_number() OVER (ORDER BY period, pi, project, coalesce(fund, ''), source, service) AS id,
    period,
    pi,
    project,
    coalesce(fund, '') AS fund,
    source,
    service,
    period || '/' || source AS source_id,
    count(*) AS charges,
    sum(cost) AS exact_billed,
    sum(list) AS exact_list,
    exact_list - exact_billed AS exact_discount
FROM billed
GROUP BY period, pi, project, coalesce(fund, ''), source, service
