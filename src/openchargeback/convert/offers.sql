-- offer: one row per label, item and span of days (UTC, half-open) with one payer and one rate: what a unit costs.
-- divided_by: what makes a unit, in base units of the meter times seconds. given: the records give the cost instead;
--   credit: where it is below zero.
CREATE TABLE offer AS
SELECT
    (row_number() OVER ())::INTEGER AS id, priced.label, priced.item, payer.id AS payer, rate.id AS rate,
    greatest(label_payer.since, rate.since) AS since, least(label_payer.until, rate.until) AS until,
    CASE WHEN reduction.percent IS NULL THEN rate.price
        ELSE round(rate.list_price * (100 - reduction.percent)::DECIMAL(5, 2) * 0.01::DECIMAL(3, 2), 9)
    END::DECIMAL(24, 9) AS price,
    rate.list_price, coalesce(trimmed(reduction.percent), rate.subsidy) AS subsidy,
    rate.base * priced.divisor AS divided_by, false AS given, false AS credit
FROM priced
JOIN rate ON rate.id = priced.rate
JOIN label_payer ON label_payer.label = priced.label
JOIN payer ON payer.id = label_payer.payer AND payer.customer = priced.customer
LEFT JOIN reduction ON reduction.label = priced.label
WHERE greatest(label_payer.since, rate.since) < least(label_payer.until, rate.until)
