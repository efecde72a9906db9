-- One row per browsed charge as whole numbers: texts as codes of `word`, days since 1970-01-01, the two halves of the id, and
-- each amount in parts. In minor units of the currency (cents), an amount is
--     part 1 × 10^8 + part 2 + part 3 × 10^-8 + part 4 × 10^-16 + part 5 × 10^-24.
-- All parts have the sign of the amount, and all but the first fewer than nine digits, so a script adds up millions of them
-- exactly as plain numbers. Texts of decimals become whole numbers much faster than arithmetic on decimals does.
-- {minor}: how many 10^-18 of the currency its minor unit has. {left}: the factor that makes 10^-18 of the minor unit of what is
-- left of one.
CREATE OR REPLACE TEMP TABLE browsed_column AS
WITH exact AS (
    SELECT
        *,
        replace(list::VARCHAR, '.', '')::HUGEINT AS list_exact,
        replace(amount::VARCHAR, '.', '')::HUGEINT AS amount_exact,
        replace(cost::VARCHAR, '.', '')::HUGEINT AS cost_exact
    FROM browsed
),
rest AS (
    SELECT
        *,
        (list_exact % {minor})::BIGINT * {left} AS list_rest,
        (amount_exact % {minor})::BIGINT * {left} AS amount_rest,
        (cost_exact % {minor})::BIGINT * {left} AS cost_rest
    FROM exact
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
    decision.code AS decision,
    currency.code AS currency,
    list_exact // ({minor} * 100000000) AS list_1,
    list_exact // {minor} % 100000000 AS list_2,
    list_rest // 10000000000 AS list_3,
    list_rest // 100 % 100000000 AS list_4,
    list_rest % 100 * 1000000 AS list_5,
    amount_exact // ({minor} * 100000000) AS amount_1,
    amount_exact // {minor} % 100000000 AS amount_2,
    amount_rest // 10000000000 AS amount_3,
    amount_rest // 100 % 100000000 AS amount_4,
    amount_rest % 100 * 1000000 AS amount_5,
    cost_exact // ({minor} * 100000000) AS cost_1,
    cost_exact // {minor} % 100000000 AS cost_2,
    cost_rest // 10000000000 AS cost_3,
    cost_rest // 100 % 100000000 AS cost_4,
    cost_rest % 100 * 1000000 AS cost_5
FROM rest AS charge
JOIN word AS state ON state.field = 'state' AND state.text = charge.state
JOIN word AS source ON source.field = 'source' AND source.text = charge.source
JOIN word AS service ON service.field = 'service' AND service.text = charge.service
JOIN word AS resource ON resource.field = 'resource' AND resource.text = charge.resource AND resource.detail = charge.resource_id
JOIN word AS pi ON pi.field = 'pi' AND pi.text = charge.pi
JOIN word AS project ON project.field = 'project' AND project.text = charge.project
JOIN word AS fund ON fund.field = 'fund' AND fund.text = charge.fund
JOIN word AS flags ON flags.field = 'flags' AND flags.text = charge.flags
JOIN word AS decision ON decision.field = 'decision' AND decision.text = charge.decision
JOIN word AS currency ON currency.field = 'currency' AND currency.text = charge.currency
ORDER BY charge.place
