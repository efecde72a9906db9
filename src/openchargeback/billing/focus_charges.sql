-- One row per charge that a period bills to a PI: a row of "Cost and Usage" of FOCUS 1.4, in which the institution is the
-- issuer of the invoice, the PI the billing account and the project the sub-account. What is not known of a charge is NULL.
-- book_line has one row per posted line of a statement (focus_charges.py), book_entry one per charge of an earlier period
-- that the period bills, credits or bills again, and one per line and kind of charge whose cents cannot be told apart.
-- BilledCost is in cents and sums to the line; ListCost and EffectiveCost are exact.
WITH category AS (
    -- One category per service, since FOCUS allows no more: the most frequent.
    SELECT charge.service, coalesce(mode({category}) FILTER ({category} IN ({categories})), 'Other') AS name
    FROM billed_charge AS charge
    JOIN cell ON cell.n = charge.n
    GROUP BY charge.service
),
own AS (
    SELECT
        book.*,
        resource.kind,
        part.n,
        part.charge,
        part.exact_list,
        part.exact_billed,
        share.billed::DECIMAL(30, 0) * {unit} AS cents,
        CASE WHEN {charge_category} IN ({charge_categories}) THEN {charge_category} ELSE 'Usage' END AS charge_category,
        lower({charge_class}) = 'correction' OR resource.kind = 'correction' AS corrects_earlier,
        {description} AS description,
        coalesce(utc({start}), charge.period_start) AS starts,
        {end} AS end_text,
        utc({end}) AS end_time,
        charge_file.whole_days,
        nullif({resource_id}, '') AS resource_id,
        nullif({resource_name}, '') AS resource_name,
        {resource_type} AS resource_type,
        {region_id} AS region_id,
        {region_name} AS region_name,
        {sku_id} AS sku_id,
        {sku_meter} AS sku_meter,
        CASE WHEN plain_json({sku_details}) THEN {sku_details} END AS sku_details,
        {sku_price_id} AS sku_price_id,
        amount({priced}) AS priced,
        {pricing_unit} AS pricing_unit,
        amount({consumed}) AS consumed,
        {consumed_unit} AS consumed_unit,
        CASE WHEN amount({list_price}) >= 0 THEN amount({list_price}) END AS list_price,
        CASE WHEN amount({contracted_price}) >= 0 THEN amount({contracted_price}) END AS contracted_price,
        amount({contracted}) AS contracted,
        coalesce({service_provider}, {provider}, book.source_label) AS service_provider,
        coalesce({host_provider}, {service_provider}, {provider}, book.source_label) AS host_provider
    FROM book_line AS book
    JOIN line ON line.period = {period} AND line.pi = book.pi AND line.project = book.project AND line.fund = book.fund
        AND line.source = book.source AND line.service = book.service
    JOIN resource ON resource.parent = line.id
    JOIN charge_part AS part ON part.parent = resource.id
    JOIN charge_share AS share ON share.id = part.id
    JOIN attributed AS charge ON charge.n = part.n
    JOIN charge_file ON charge_file.file = charge.file
    JOIN cell ON cell.n = part.n
    WHERE book.covered
),
timed AS (
    SELECT
        *,
        charge_category = 'Tax' AS is_tax,
        greatest(
            starts + INTERVAL 1 SECOND,
            CASE
                WHEN end_time IS NULL THEN greatest({period_end}, starts + INTERVAL 1 DAY)
                WHEN strlen(end_text) = 10 AND (whole_days OR end_time <= starts) THEN end_time + INTERVAL 1 DAY
                ELSE end_time
            END
        ) AS ends
    FROM own
),
row AS (
    SELECT
        invoice, number, line_kind, n, charge, pi, pi_name, project, project_title, fund, source, source_label, service,
        entry, reference, credit_note, cents, exact_list, exact_billed, charge_category,
        CASE WHEN corrects_earlier THEN 'Correction' END AS charge_class,
        description, starts, ends, resource_id, resource_name,
        CASE WHEN resource_id IS NOT NULL THEN resource_type END AS resource_type,
        region_id,
        CASE WHEN region_id IS NOT NULL THEN region_name END AS region_name,
        CASE WHEN NOT is_tax THEN sku_id END AS sku_id,
        CASE WHEN NOT is_tax THEN sku_meter END AS sku_meter,
        CASE WHEN NOT is_tax THEN sku_details END AS sku_details,
        CASE WHEN NOT is_tax THEN sku_price_id END AS sku_price_id,
        CASE WHEN NOT is_tax AND pricing_unit IS NOT NULL THEN priced END AS pricing_quantity,
        CASE WHEN NOT is_tax AND priced IS NOT NULL THEN pricing_unit END AS pricing_unit,
        CASE WHEN NOT is_tax AND consumed_unit IS NOT NULL THEN consumed END AS consumed_quantity,
        CASE WHEN NOT is_tax AND consumed IS NOT NULL THEN consumed_unit END AS consumed_unit,
        -- A price that does not go with its quantity and cost would contradict them.
        CASE
            WHEN pricing_quantity IS NOT NULL
                AND NOT not_product(plain(exact_list), plain(list_price), plain(pricing_quantity))
            THEN list_price
        END AS list_unit_price,
        coalesce(contracted, exact_billed) AS contracted_cost,
        CASE
            WHEN pricing_quantity IS NOT NULL
                AND NOT not_product(plain(contracted_cost), plain(contracted_price), plain(pricing_quantity))
            THEN contracted_price
        END AS contracted_unit_price,
        service_provider, host_provider
    FROM (SELECT * RENAME (kind AS line_kind) FROM timed)
    UNION ALL BY NAME
    SELECT
        invoice, number, line_kind, NULL::BIGINT AS n, charge, pi, pi_name, project, project_title, fund, source,
        source_label, service, entry, reference, credit_note, cents, exact_list, exact_billed, charge_category,
        charge_class, description, starts, ends, exact_billed AS contracted_cost, source_label AS service_provider,
        source_label AS host_provider
    FROM book_entry
)
SELECT
    cents::VARCHAR AS BilledCost,
    pi AS BillingAccountId,
    pi_name AS BillingAccountName,
    {currency} AS BillingCurrency,
    time_text({period_end}) AS BillingPeriodEnd,
    time_text({period_start}) AS BillingPeriodStart,
    charge_category AS ChargeCategory,
    charge_class AS ChargeClass,
    description AS ChargeDescription,
    time_text(ends) AS ChargePeriodEnd,
    time_text(starts) AS ChargePeriodStart,
    plain(consumed_quantity) AS ConsumedQuantity,
    consumed_unit AS ConsumedUnit,
    plain(contracted_cost) AS ContractedCost,
    plain(contracted_unit_price) AS ContractedUnitPrice,
    plain(exact_billed) AS EffectiveCost,
    host_provider AS HostProviderName,
    number || '-' || line_kind AS InvoiceDetailId,
    invoice AS InvoiceId,
    {issuer} AS InvoiceIssuerName,
    plain(exact_list) AS ListCost,
    plain(list_unit_price) AS ListUnitPrice,
    plain(pricing_quantity) AS PricingQuantity,
    pricing_unit AS PricingUnit,
    region_id AS RegionId,
    region_name AS RegionName,
    resource_id AS ResourceId,
    resource_name AS ResourceName,
    resource_type AS ResourceType,
    coalesce(category.name, 'Other') AS ServiceCategory,
    coalesce(nullif(row.service, ''), source_label) AS ServiceName,
    service_provider AS ServiceProviderName,
    sku_id AS SkuId,
    sku_meter AS SkuMeter,
    sku_details AS SkuPriceDetails,
    sku_price_id AS SkuPriceId,
    project AS SubAccountId,
    project_title AS SubAccountName,
    left(charge, 16) AS x_ChargeId,
    credit_note AS x_CreditNote,
    entry AS x_Entry,
    nullif(fund, '') AS x_Fund,
    reference AS x_ReferenceInvoiceId,
    source AS x_Source
FROM row
LEFT JOIN category ON category.service = row.service
ORDER BY invoice, number, line_kind, n NULLS LAST, charge
