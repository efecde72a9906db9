-- One row per browsed charge as whole numbers: texts as codes of `word`, days since 1970-01-01, the two halves of the id, and
-- each amount in parts. In minor units of the currency (cents), an amount is
--     part 1 × 10^8 + part 2 + part 3 × 10^-8 + part 4 × 10^-16 + part 5 × 10^-24.
-- All parts have the sign of the amount, and all but the first fewer than nine digits, so a script adds up millions of them
-- exactly as plain numbers. scale: minor units per unit of the currency.
CREATE OR REPLACE TEMP TABLE browsed_column AS
WITH units AS (
    SELECT
        *,
        list * $scale::INTEGER AS list_units,
        amount * $scale::INTEGER AS amount_units,
        cost * $scale::INTEGER AS cost_units
    FROM browsed
),
eighth AS (
    -- What is left of a minor unit, in 10^-8 of it.
    SELECT
        *,
        (list_units - trunc(list_units)) * 100000000::INTEGER AS list_8,
        (amount_units - trunc(amount_units)) * 100000000::INTEGER AS amount_8,
        (cost_units - trunc(cost_units)) * 100000000::INTEGER AS cost_8
    FROM units
),
sixteenth AS (
    SELECT
        *,
        (list_8 - trunc(list_8)) * 100000000::INTEGER AS list_16,
        (amount_8 - trunc(amount_8)) * 100000000::INTEGER AS amount_16,
        (cost_8 - trunc(cost_8)) * 100000000::INTEGER AS cost_16
    FROM eighth
)
SELECT
    charge.place,
    charge.day,
    ('0x' || left(charge.id, 8))::BIGINT AS id_1,
    ('0x' || right(charge.id, 8))::BIGINT AS id_2,
    state.code AS state,
    source.code AS source,
    service.code AS service,
    resource.code AS resource,
    pi.code AS pi,
    project.code AS project,
    fund.code AS fund,
    flags.code AS flags,
    currency.code AS currency,
    trunc(list_units)::HUGEINT // 100000000 AS list_1,
    trunc(list_units)::HUGEINT % 100000000 AS list_2,
    trunc(list_8)::INTEGER AS list_3,
    trunc(list_16)::INTEGER AS list_4,
    trunc((list_16 - trunc(list_16)) * 100000000::INTEGER)::INTEGER AS list_5,
    trunc(amount_units)::HUGEINT // 100000000 AS amount_1,
    trunc(amount_units)::HUGEINT % 100000000 AS amount_2,
    trunc(amount_8)::INTEGER AS amount_3,
    trunc(amount_16)::INTEGER AS amount_4,
    trunc((amount_16 - trunc(amount_16)) * 100000000::INTEGER)::INTEGER AS amount_5,
    trunc(cost_units)::HUGEINT // 100000000 AS cost_1,
    trunc(cost_units)::HUGEINT % 100000000 AS cost_2,
    trunc(cost_8)::INTEGER AS cost_3,
    trunc(cost_16)::INTEGER AS cost_4,
    trunc((cost_16 - trunc(cost_16)) * 100000000::INTEGER)::INTEGER AS cost_5
FROM sixteenth AS charge
JOIN word AS state ON state.field = 'state' AND state.text = charge.state
JOIN word AS source ON source.field = 'source' AND source.text = charge.source
JOIN word AS service ON service.field = 'service' AND service.text = charge.service
JOIN word AS resource ON resource.field = 'resource' AND resource.text = charge.resource AND resource.detail = charge.resource_id
JOIN word AS pi ON pi.field = 'pi' AND pi.text = charge.pi
JOIN word AS project ON project.field = 'project' AND project.text = charge.project
JOIN word AS fund ON fund.field = 'fund' AND fund.text = charge.fund
JOIN word AS flags ON flags.field = 'flags' AND flags.text = charge.flags
JOIN word AS currency ON currency.field = 'currency' AND currency.text = charge.currency
ORDER BY charge.place
