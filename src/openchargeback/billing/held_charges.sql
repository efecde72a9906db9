-- One row per charge that is still held when its period is closed, with everything that a later period needs to decide
-- on it and show it.
-- flags: a JSON object, flag → reason (null if there is none). follows: the charge that a correction refers to.
SELECT
    charge_id.id,
    charge.source,
    charge.service,
    charge.kind,
    coalesce(payer.pi, ''),
    coalesce(payer.project, ''),
    coalesce(payer.fund, ''),
    coalesce(payer.pi_via, ''),
    coalesce(payer.project_via, ''),
    coalesce(payer.fund_via, ''),
    raised.flags,
    charge.currency,
    charge.list,
    charge.cost,
    detail.path,
    detail."row"::VARCHAR,
    detail.first_day::VARCHAR,
    detail.last_day::VARCHAR,
    detail.sub_account,
    detail.sub_account_name,
    detail.resource_id,
    detail.resource_name,
    coalesce(detail.quantity::VARCHAR, ''),
    detail.unit,
    coalesce(detail.list_unit_price::VARCHAR, ''),
    coalesce(detail.contracted_unit_price::VARCHAR, ''),
    detail.tags,
    coalesce(original.id, '')
FROM (SELECT DISTINCT n FROM held) AS held
JOIN attributed AS charge USING (n)
JOIN payer ON payer.id = charge.payer
JOIN charge_id USING (n)
JOIN detail USING (n)
JOIN (
    SELECT n, to_json(map_from_entries(list((flag, why) ORDER BY flag)))::VARCHAR AS flags FROM flag GROUP BY n
) AS raised USING (n)
LEFT JOIN follows USING (n)
LEFT JOIN charge_id AS original ON original.n = follows.original
ORDER BY charge_id.id
