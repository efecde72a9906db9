-- One row per item of the review queue: the keys its charges share, their sums, and the details a reviewer needs.
SELECT
    queued.period,
    queued.source,
    queued.service,
    queued.project,
    queued.pi,
    queued.currency,
    queued.sub_account,
    queued.resource,
    queued.flags,
    queued.uncleared,
    queued.named,
    count(*) AS charges,
    sum(charge.list) AS exact_list,
    sum(charge.cost) AS exact_billed,
    list_sort(list(charge_id.id)) AS ids,
    list_sort(list(DISTINCT detail.sub_account || CASE
        WHEN detail.sub_account_name NOT IN ('', detail.sub_account) THEN ' (' || detail.sub_account_name || ')' ELSE '' END
    ) FILTER (detail.sub_account <> ''))[:$most] AS sub_accounts,
    list_sort(list(DISTINCT coalesce(nullif(detail.resource_name, ''), detail.resource_id)) FILTER (
        detail.resource_name <> '' OR detail.resource_id <> ''
    ))[:$most] AS resources,
    count(DISTINCT detail.resource_id) FILTER (detail.resource_id <> '') AS resource_count,
    min(detail.first_day) AS first_day,
    max(detail.last_day) AS last_day,
    CASE WHEN count(DISTINCT detail.unit) = 1 AND count(detail.quantity) = count(*) THEN sum(detail.quantity) END AS quantity,
    min(detail.unit) AS unit,
    list({
        'id': left(charge_id.id, 16), 'path': detail.path, 'row': detail."row", 'first_day': detail.first_day,
        'last_day': detail.last_day, 'sub_account': detail.sub_account, 'resource_id': detail.resource_id,
        'resource_name': detail.resource_name, 'quantity': detail.quantity, 'unit': detail.unit,
        'unit_price': coalesce(detail.contracted_unit_price, detail.list_unit_price), 'exact_list': charge.list,
        'exact_billed': charge.cost, 'tags': detail.tags
    } ORDER BY abs(charge.cost) DESC, charge_id.id)[:$samples] AS samples,
    queued.item
FROM queued
JOIN attributed AS charge ON charge.n = queued.n
JOIN charge_id ON charge_id.n = queued.n
JOIN detail ON detail.n = queued.n
GROUP BY ALL
ORDER BY queued.item
