-- form: one row per sort of charges (an offer and a grade), with what they have in common.
-- place: the order of labels in the output.
CREATE TABLE form AS
SELECT
    (row_number() OVER ())::INTEGER AS id, sort.offer, sort.grade, offer.credit,
    label.account, label.person, label.cluster, label.partition, label.qos, label.tier,
    dense_rank() OVER (
        ORDER BY label.account, label.person, label.cluster, label.partition, label.qos, label.tier
    )::INTEGER AS place,
    label_detail.resource AS own_resource, label_detail.resource_name AS own_name,
    concat_ws('.', $sku, label.partition, label.tier, meter.sku, nullif(item.variant, '')) AS sku,
    concat_ws(' ', meter.title, nullif(item.variant, ''), 'on ' || coalesce(label.partition, label.tier)) AS description,
    meter.title AS meter_title, meter.category, meter.subcategory, meter.recurring, nullif(meter.service, '') AS service,
    detail.details, rate.name AS rate_name, rate.unit, rate.valid_from,
    CASE WHEN sort.grade <> 'free' THEN offer.subsidy END AS subsidy,
    CASE WHEN sort.grade = 'free' THEN 0 ELSE offer.price END::DECIMAL(24, 9) AS price_number,
    offer.list_price AS list_number, offer.divided_by,
    CASE WHEN label_detail.tags IS NULL THEN payer.tags
        ELSE json_merge_patch(label_detail.tags, payer.tags)::VARCHAR END AS tags
FROM (SELECT DISTINCT offer, grade FROM charge) AS sort
JOIN offer ON offer.id = sort.offer
JOIN label ON label.id = offer.label
JOIN held_item AS item ON item.id = offer.item
JOIN meter ON meter.name = item.meter
JOIN rate ON rate.id = offer.rate
JOIN payer ON payer.id = offer.payer
LEFT JOIN label_detail ON label_detail.label = label.id
LEFT JOIN detail ON detail.tier = label.tier
