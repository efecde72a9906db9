-- One row per charge file of the period with any charge billed or held. event: charges that were decided on since the
-- period was closed, and whether they are billed now.
SELECT DISTINCT charge.file
FROM attributed AS charge
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN charge_id ON charge_id.n = charge.n
LEFT JOIN event ON event.id = charge_id.id
WHERE coalesce(event.billed, coalesce(disposition.disposition, 'billed') <> 'rejected')
