-- One row per charge of a period with its attribution and outcome: a row of `charges.csv` of the open data, in the order of source,
-- file and row. row counts like a spreadsheet: the header is row 1.
SELECT
    left(charge_id.id, 16) AS charge,
    charge.source,
    charge_file.path AS file,
    charge.n - charge_file.first + 2 AS "row",
    charge.period,
    CASE WHEN disposition.decided THEN decided_charge.pi ELSE payer.pi END AS pi,
    CASE WHEN disposition.decided THEN decided_charge.project ELSE payer.project END AS project,
    CASE WHEN disposition.decided THEN decided_charge.fund ELSE payer.fund END AS fund,
    CASE WHEN disposition.decided THEN decided_charge.pi_via ELSE payer.pi_via END AS pi_via,
    CASE WHEN disposition.decided THEN decided_charge.project_via ELSE payer.project_via END AS project_via,
    CASE WHEN disposition.decided THEN decided_charge.fund_via ELSE payer.fund_via END AS fund_via,
    nullif(charge.service, '') AS service,
    {resource_id} AS resource_id,
    {resource_name} AS resource_name,
    {category} AS category,
    {class} AS class,
    plain(charge.list) AS list,
    plain(charge.cost) AS billed,
    charge.currency,
    coalesce(disposition.disposition, 'billed') AS disposition,
    flagged.flags,
    decided.places AS decisions{references}
FROM attributed AS charge
JOIN charge_file ON charge_file.file = charge.file
JOIN charge_id ON charge_id.n = charge.n
JOIN cell ON cell.n = charge.n
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN decided_charge ON decided_charge.n = charge.n
LEFT JOIN (SELECT n, string_agg(flag, ';' ORDER BY flag) AS flags FROM flag GROUP BY n) AS flagged
    ON flagged.n = charge.n
LEFT JOIN (
    SELECT ruling.n, string_agg(decider.place, ';' ORDER BY decider.decision) AS places
    FROM ruling JOIN decider USING (decision)
    GROUP BY ruling.n
) AS decided ON decided.n = charge.n
{reference_joins}
WHERE charge.period = {period}
ORDER BY charge.n
