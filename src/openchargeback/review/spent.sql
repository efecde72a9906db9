-- One row per closed month, source, project and service that an open month is compared in: the exact amount billed to the
-- month's own charges.
SELECT lines.recorded, lines.source, lines.project, lines.service, sum(lines.exact_billed::DECIMAL(38, 18))
FROM ({lines}) AS lines
SEMI JOIN wanted_spending USING (source, project, service)
WHERE lines.entry = 'own'
GROUP BY ALL
