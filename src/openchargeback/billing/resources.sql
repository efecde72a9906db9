-- One row per resource and kind of charge in a billing line, before rounding, with its days, its quantity and the prices
-- of a unit. A charge of nothing at no cost says nothing about them.
-- various: `unit` if the charges do not share a unit, so that their quantities do not add up; `price` if they share the
-- unit but not its price: the list price or, if none has one, the contracted price.
CREATE TABLE resource AS
WITH charge AS (
    SELECT
        line.id AS parent,
        billed.kind,
        billed.cost,
        billed.list,
        usage.*,
        lower(usage.unit) AS folded,
        usage.quantity IS NOT NULL AND usage.quantity <> 0 OR billed.cost <> 0 OR billed.list <> 0 AS counts
    FROM billed_charge AS billed
    JOIN charge_usage AS usage ON usage.n = billed.n
    JOIN line ON line.period = billed.period AND line.pi = billed.pi AND line.project = billed.project AND line.fund = billed.fund
        AND line.source = billed.source AND line.service = billed.service
),
summed AS (
    SELECT
        parent,
        kind,
        resource_id,
        resource_name,
        count(*) AS charges,
        sum(cost) AS exact_billed,
        sum(list) AS exact_list,
        min(first_day) AS first_day,
        max(last_day) AS last_day,
        count(*) FILTER (counts) AS counted,
        count(quantity) FILTER (counts) AS measured,
        sum(quantity) FILTER (counts) AS whole,
        min(unit) FILTER (counts) AS unit,
        measured = counted AND min(folded) FILTER (counts) = max(folded) FILTER (counts) AS one_unit,
        count(list_unit_price) FILTER (counts) AS listed,
        min(list_unit_price) FILTER (counts) AS list_price,
        listed = counted AND list_price = max(list_unit_price) FILTER (counts) AS one_list_price,
        count(contracted_unit_price) FILTER (counts) AS contracted,
        min(contracted_unit_price) FILTER (counts) AS contracted_price,
        contracted = counted AND contracted_price = max(contracted_unit_price) FILTER (counts) AS one_contracted_price
    FROM charge
    GROUP BY parent, kind, resource_id, resource_name
)
SELECT
    row_number() OVER (ORDER BY parent, kind, resource_id, resource_name) AS id,
    parent,
    kind,
    resource_id,
    resource_name,
    charges,
    exact_billed,
    exact_list,
    exact_list - exact_billed AS exact_discount,
    first_day,
    last_day,
    CASE WHEN one_unit THEN whole END AS quantity,
    CASE WHEN one_unit THEN unit ELSE '' END AS unit,
    CASE WHEN one_unit AND one_list_price THEN list_price END AS list_unit_price,
    CASE WHEN one_unit AND one_contracted_price THEN contracted_price END AS contracted_unit_price,
    CASE
        WHEN measured = 0 THEN ''
        WHEN NOT one_unit THEN 'unit'
        WHEN CASE WHEN listed > 0 THEN NOT one_list_price ELSE contracted > 0 AND NOT one_contracted_price END THEN 'price'
        ELSE ''
    END AS various
FROM summed
