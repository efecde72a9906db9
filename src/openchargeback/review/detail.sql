-- One row per charge that may need review, with its details; this adds the charges in {wanted}. Days are UTC.
INSERT INTO detail
SELECT
    charge.n,
    charge_file.path,
    charge.n - charge_file.first + 2 AS "row",
    usage.first_day,
    usage.last_day,
    coalesce({sub_account}, '') AS sub_account,
    coalesce({sub_account_name}, '') AS sub_account_name,
    usage.resource_id,
    usage.resource_name,
    usage.quantity,
    usage.unit,
    usage.list_unit_price,
    usage.contracted_unit_price,
    coalesce({allocated_tags}, {tags}, '') AS tags
FROM ({wanted}) AS wanted
JOIN attributed AS charge ON charge.n = wanted.n
JOIN charge_file ON charge_file.file = charge.file
JOIN charge_usage AS usage ON usage.n = wanted.n
JOIN cell ON cell.n = wanted.n
