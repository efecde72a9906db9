-- One row per charge: what it is for. Its resource, who used it, its days (UTC), its quantity with unit, and the prices of one unit in
-- the row's currency; empty or NULL where the row says nothing.
-- A price is that of a pricing unit (FOCUS 1.2, "List Unit Price"). If only the consumed quantity is known, the price
-- applies to it only if both are in the same unit, or if the row names no pricing unit.
CREATE VIEW charge_usage AS
SELECT
    charge.n,
    coalesce({resource_id}, '') AS resource_id,
    coalesce({resource_name}, '') AS resource_name,
    coalesce({person}, '') AS person,
    first_day({start}, charge.period_start) AS first_day,
    last_day({end}, first_day, charge_file.whole_days) AS last_day,
    amount(coalesce({pricing_quantity}, {consumed_quantity})) AS quantity,
    coalesce(CASE WHEN {pricing_quantity} IS NOT NULL THEN {pricing_unit} ELSE {consumed_unit} END, '') AS unit,
    quantity IS NOT NULL AND (
        {pricing_quantity} IS NOT NULL OR {pricing_unit} IS NULL OR lower({pricing_unit}) = lower({consumed_unit})
    ) AS priced,
    CASE WHEN priced THEN amount({list_price}) END AS list_unit_price,
    CASE WHEN priced THEN amount({contracted_price}) END AS contracted_unit_price
FROM attributed AS charge
JOIN charge_file ON charge_file.file = charge.file
JOIN cell ON cell.n = charge.n
