-- One row per charge that may need review, with its details; this adds the charges in {wanted}.
-- Days are UTC. The unit price is the contracted price, else the list price, as in the file.
INSERT INTO detail
SELECT
    charge.n,
    charge_file.path,
    charge.n - charge_file.first + 2 AS "row",
    first_day({start}, charge.period_start) AS first_day,
    last_day({end}, first_day, charge_file.whole_days) AS last_day,
    coalesce({sub_account}, '') AS sub_account,
    coalesce({sub_account_name}, '') AS sub_account_name,
    coalesce({resource_id}, '') AS resource_id,
    coalesce({resource_name}, '') AS resource_name,
    amount(coalesce({pricing_quantity}, {consumed_quantity})) AS quantity,
    coalesce(CASE WHEN {pricing_quantity} IS NOT NULL THEN {pricing_unit} ELSE {consumed_unit} END, '') AS unit,
    CASE WHEN {pricing_quantity} IS NOT NULL THEN amount(coalesce({contracted_price}, {list_price})) END AS unit_price,
    coalesce({allocated_tags}, {tags}, '') AS tags
FROM ({wanted}) AS wanted
JOIN attributed AS charge ON charge.n = wanted.n
JOIN charge_file ON charge_file.file = charge.file
JOIN cell ON cell.n = wanted.n
