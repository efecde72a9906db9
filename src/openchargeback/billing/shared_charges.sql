-- One row per requested charge of a closed period with its cents and its payer.
SELECT
    part.charge, billed.pi, billed.project, billed.fund, billed.source, billed.service, part.exact_list, part.exact_billed,
    share.discount, share.billed, billed.kind, usage.* EXCLUDE (n, priced, person)
FROM charge_part AS part
JOIN charge_share AS share ON share.id = part.id
JOIN billed_charge AS billed ON billed.n = part.n
JOIN charge_usage AS usage ON usage.n = part.n
SEMI JOIN (
    SELECT charge_id.id FROM wanted
    JOIN charge_id ON left(charge_id.id, 8) = left(wanted.prefix, 8) AND starts_with(charge_id.id, wanted.prefix)
) AS named ON named.id = part.charge
