-- One row per billed charge within its resource, unrounded; only for the billing lines in {lines}.
-- Numbered by charge id, which breaks ties when cents are allocated.
CREATE TABLE charge_part AS
SELECT
    row_number() OVER (ORDER BY charge_id.id) AS id,
    resource.id AS parent,
    billed.n,
    charge_id.id AS charge,
    billed.cost AS exact_billed,
    billed.list AS exact_list,
    billed.list - billed.cost AS exact_discount
FROM billed_charge AS billed
JOIN charge_id ON charge_id.n = billed.n
JOIN charge_usage AS usage ON usage.n = billed.n
JOIN line ON line.period = billed.period AND line.pi = billed.pi AND line.project = billed.project AND line.fund = billed.fund
    AND line.source = billed.source AND line.service = billed.service
JOIN resource ON resource.parent = line.id AND resource.kind = billed.kind
    AND resource.resource_id = usage.resource_id AND resource.resource_name = usage.resource_name
WHERE line.id IN ({lines})
