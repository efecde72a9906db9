-- One row per held charge of an item.
SELECT
    queued.item, left(charge_id.id, 16) AS id, detail.path, detail."row", detail.first_day, detail.last_day,
    detail.sub_account, detail.resource_id, detail.resource_name, detail.quantity, detail.unit,
    coalesce(detail.contracted_unit_price, detail.list_unit_price) AS unit_price,
    charge.list, charge.cost, detail.tags
FROM queued
JOIN attributed AS charge ON charge.n = queued.n
JOIN charge_id ON charge_id.n = queued.n
JOIN detail ON detail.n = queued.n
ORDER BY queued.item, abs(charge.cost) DESC, charge_id.id
