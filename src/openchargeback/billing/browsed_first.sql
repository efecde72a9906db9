-- One row per charge among the largest of a period, for readers without scripts. amount, list: as in `browsed`.
SELECT
    id, DATE '1970-01-01' + day::INTEGER AS day, service, resource, pi, project, fund, state, currency, plain(list) AS list,
    plain(amount) AS amount
FROM browsed
ORDER BY browsed.amount DESC, place
LIMIT $most
