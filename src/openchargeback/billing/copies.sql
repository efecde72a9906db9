-- One row is one charge file of the period some of whose charges are billed or held. event says of single charges
-- whether they are billed after what was decided on them since the period was closed.
SELECT DISTINCT charge.file
FROM attributed AS charge
LEFT JOIN disposition ON disposition.n = charge.n
LEFT JOIN charge_id ON charge_id.n = charge.n
LEFT JOIN event ON event.id = charge_id.id
WHERE coalesce(event.stands, coalesce(disposition.disposition, 'billed') <> 'rejected')
