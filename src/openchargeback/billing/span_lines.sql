-- One row per month of use, billing line and person: the charges whose first day (UTC) lies in a span, summed; list,
-- discount, covered and billed are in cents. charge_row is a row of `charges.csv` of a statement, statement_file the
-- statement that the file belongs to. fund: only what this fund pays; NULL means all. by_person: whether by x_user.
SELECT
    statement_file.period,
    statement_file.number AS statement,
    strftime(charge_row.first_day::DATE, '%Y-%m') AS month,
    charge_row.entry,
    charge_row.posted = 'yes' AS posted,
    statement_file.pi,
    statement_file.project,
    coalesce(charge_row.fund, '') AS fund,
    charge_row.source,
    coalesce(charge_row.service, '') AS service,
    CASE WHEN $by_person THEN coalesce(charge_row."user", '') ELSE '' END AS person,
    count(*) AS charges,
    sum(charge_row.list::DECIMAL(30, {places})) AS list,
    sum(charge_row.discount::DECIMAL(30, {places})) AS discount,
    sum(charge_row.covered::DECIMAL(30, {places})) AS covered,
    sum(charge_row.billed::DECIMAL(30, {places})) AS billed
FROM charge_row
JOIN statement_file USING (filename)
WHERE charge_row.first_day::DATE BETWEEN $first AND $last AND ($fund IS NULL OR charge_row.fund = $fund)
GROUP BY ALL
ORDER BY ALL
