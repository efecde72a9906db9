-- One row per charge of a period as the charge browser shows it, numbered from 0 in the order of source, file and row.
-- state: billed, shown (billed, but its source does not post), held or rejected. amount and list are in cents if the charge is
-- billed, so that those of a billing line add up to it; else exact. cost is always exact. resource: its name, else its id,
-- else the description of a charge without a resource.
-- Cents become DECIMAL(38, 18) first, or coalesce would round exact amounts to seven decimals.
-- decision: the places of the decisions on it (`path:line`), one in each line of the text.
-- `posting`: the sources that post. `unknown`: the billing lines whose cents are not known by charge.
CREATE OR REPLACE TEMP TABLE browsed AS
SELECT
    row_number() OVER (ORDER BY charge.n) - 1 AS place,
    charge.n,
    left(charge_id.id, 16) AS id,
    usage.first_day - DATE '1970-01-01' AS day,
    CASE
        WHEN coalesce(disposition.disposition, 'billed') <> 'billed' THEN disposition.disposition
        WHEN list_contains($posting, charge.source) THEN 'billed'
        ELSE 'shown'
    END AS state,
    charge.source,
    charge.service,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.pi ELSE payer.pi END, '') AS pi,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.project ELSE payer.project END, '') AS project,
    coalesce(CASE WHEN disposition.decided THEN decided_charge.fund ELSE payer.fund END, '') AS fund,
    coalesce(flagged.flags, '') AS flags,
    coalesce(decided.places, '') AS decision,
    charge.currency,
    coalesce(nullif(usage.resource_name, ''), nullif(usage.resource_id, ''), {description}, '') AS resource,
    CASE WHEN usage.resource_name IN ('', usage.resource_id) THEN '' ELSE usage.resource_id END AS resource_id,
    coalesce(((share.billed + share.discount)::DECIMAL(30, 0) * {unit})::DECIMAL(38, 18), charge.list) AS list,
    coalesce((share.billed::DECIMAL(30, 0) * {unit})::DECIMAL(38, 18), charge.cost) AS amount,
    charge.cost
FROM attributed AS charge
JOIN charge_id ON charge_id.n = charge.n
JOIN charge_usage AS usage ON usage.n = charge.n
JOIN cell ON cell.n = charge.n
JOIN payer ON payer.id = charge.payer
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN decided_charge ON decided_charge.n = charge.n
LEFT JOIN (SELECT n, string_agg(flag, ';' ORDER BY flag) AS flags FROM flag GROUP BY n) AS flagged ON flagged.n = charge.n
LEFT JOIN (
    SELECT ruling.n, string_agg(decider.place, chr(10) ORDER BY decider.decision) AS places
    FROM ruling JOIN decider USING (decision)
    GROUP BY ruling.n
) AS decided ON decided.n = charge.n
LEFT JOIN (
    SELECT part.n, each.billed, each.discount
    FROM charge_part AS part
    JOIN charge_share AS each ON each.id = part.id
    JOIN resource ON resource.id = part.parent
    WHERE NOT list_contains($unknown, resource.parent)
) AS share ON share.n = charge.n
WHERE charge.period = $period
ORDER BY charge.n
