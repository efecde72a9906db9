-- One row per billing line and cause: the exact amount that the cause adds, new minus old.
SELECT pi, project, fund, source, service, cause, sum(amount) AS amount
FROM (
    SELECT old.pi, old.project, old.fund, old.source, old.service, caused.cause, -old.cost AS amount
    FROM caused
    JOIN base.billing AS old ON old.n = caused.base
    WHERE old.disposition = 'billed'
    UNION ALL
    SELECT new.pi, new.project, new.fund, new.source, new.service, caused.cause, new.cost
    FROM caused
    JOIN head.billing AS new ON new.n = caused.head
    WHERE new.disposition = 'billed'
)
GROUP BY ALL
ORDER BY ALL
