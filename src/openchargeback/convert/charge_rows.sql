-- The charges as rows of `focus.sql`, in the order of the output: as in the inputs, or by day and owner; always total.
SELECT
    charge.starts, charge.ends, charge.records, charge.amount, charge.quantity AS quantity_number,
    charge.given_cost, charge.given_list, charge.given_price, {record_columns} form.*, common.* EXCLUDE (id)
FROM charge
JOIN form ON form.offer = charge.offer AND form.grade = charge.grade
JOIN common ON common.id = form.id
{record_join}
ORDER BY {order}, charge.grade, charge.label, charge.starts, charge.ends, form.credit
