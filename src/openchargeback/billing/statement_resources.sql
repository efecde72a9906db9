-- One row per resource listed on a statement with its cents, and one per kind for the sum of a line's smaller resources,
-- which are not listed unless there is only one. Credits, corrections and adjustments are always listed.
WITH placed AS (
    SELECT
        resource.*,
        share.billed,
        share.discount,
        row_number() OVER (
            PARTITION BY resource.parent
            ORDER BY kind NOT IN ('credit', 'correction'), greatest(abs(exact_list), abs(exact_billed)) DESC, resource.id
        ) > $most AND kind NOT IN ('credit', 'correction', 'adjustment') AS small
    FROM resource
    JOIN resource_share AS share ON share.id = resource.id
),
ranked AS (
    SELECT *, NOT small OR count(*) FILTER (small) OVER (PARTITION BY parent, kind) = 1 AS listed
    FROM placed
)
SELECT
    line.period,
    line.pi,
    line.project,
    line.fund,
    line.source,
    line.service,
    ranked.kind,
    CASE WHEN listed THEN ranked.resource_id ELSE '' END AS resource_id,
    CASE WHEN listed THEN ranked.resource_name ELSE '' END AS resource_name,
    sum(ranked.charges)::BIGINT AS charges,
    CASE WHEN listed THEN 1 ELSE count(*) END AS resources,
    sum(ranked.discount)::HUGEINT AS discount,
    sum(ranked.billed)::HUGEINT AS billed,
    min(ranked.first_day) AS first_day,
    max(ranked.last_day) AS last_day,
    any_value(ranked.quantity) FILTER (listed) AS quantity,
    coalesce(any_value(ranked.unit) FILTER (listed), '') AS unit,
    any_value(ranked.list_unit_price) FILTER (listed) AS list_unit_price,
    any_value(ranked.contracted_unit_price) FILTER (listed) AS contracted_unit_price,
    coalesce(any_value(ranked.various) FILTER (listed), '') AS various
FROM ranked
JOIN line ON line.id = ranked.parent
GROUP BY line.id, line.period, line.pi, line.project, line.fund, line.source, line.service, listed, 7, 8, 9
ORDER BY line.id, 7, 8, 9
