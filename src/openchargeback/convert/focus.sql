-- The output: one row per charge, FOCUS 1.2 (columns in alphabetical order, then our own). Order: as in the inputs, or by
-- day and owner; always total.
SELECT
    NULL AS AvailabilityZone,
    cost AS BilledCost,
    $billing_account AS BillingAccountId,
    $billing_account AS BillingAccountName,
    'Billing Account' AS BillingAccountType,
    $currency AS BillingCurrency,
    $period_end AS BillingPeriodEnd,
    $period_start AS BillingPeriodStart,
    CASE WHEN recurring THEN 'Purchase' WHEN credit THEN 'Credit' ELSE 'Usage' END AS ChargeCategory,
    NULL AS ChargeClass,
    description AS ChargeDescription,
    CASE WHEN recurring THEN 'Recurring' ELSE 'Usage-Based' END AS ChargeFrequency,
    as_time(ends) AS ChargePeriodEnd,
    as_time(starts) AS ChargePeriodStart,
    CASE WHEN NOT recurring AND NOT credit THEN {consumed} END AS ConsumedQuantity,
    CASE WHEN NOT recurring AND NOT credit THEN {consumed_unit} END AS ConsumedUnit,
    cost AS ContractedCost,
    price AS ContractedUnitPrice,
    cost AS EffectiveCost,
    NULL AS InvoiceId,
    $provider AS InvoiceIssuerName,
    list AS ListCost,
    list_price AS ListUnitPrice,
    'Standard' AS PricingCategory,
    quantity AS PricingQuantity,
    unit AS PricingUnit,
    $provider AS ProviderName,
    $provider AS PublisherName,
    resource_id AS ResourceId,
    resource_name AS ResourceName,
    CASE WHEN resource_id IS NOT NULL THEN $resource_type END AS ResourceType,
    category AS ServiceCategory,
    concat_ws(' ', $service, service) AS ServiceName,
    subcategory AS ServiceSubcategory,
    sku AS SkuId,
    meter_title AS SkuMeter,
    details AS SkuPriceDetails,
    concat_ws('.', sku, rate_name, grade) AS SkuPriceId,
    account AS SubAccountId,
    account AS SubAccountName,
    CASE WHEN account IS NOT NULL THEN 'Account' END AS SubAccountType,
    tags AS Tags,
    account AS x_Account,
    cluster AS x_Cluster,
    {job_columns}
    partition AS x_Partition,
    qos AS x_Qos,
    rate_name AS x_RateId,
    valid_from AS x_RateValidFrom,
    records AS x_Records,
    subsidy AS x_SubsidyPercent,
    {amount}
    {user_column}
FROM (
    -- Texts and constants come after the sort, which then moves little.
    SELECT
        *,
        coalesce(own_resource, nullif({resource}, '')) AS resource_id,
        coalesce(own_name, resource_id) AS resource_name,
        coalesce(given_cost < 0, false) AS credit,
        trimmed(coalesce(price_number, given_price)) AS price,
        trimmed(list_number) AS list_price,
        trimmed(quantity_number) AS quantity,
        trimmed(coalesce(given_cost, quantity_number * price_number)) AS cost,
        trimmed(coalesce(given_list, quantity_number * list_number)) AS list
    FROM (
        SELECT
            charge.n, charge.span, charge.starts, charge.ends, charge.records, charge.amount, charge.variant, charge.meter,
            charge.grade, charge.divided_by, charge.given_cost, charge.given_list, charge.given_price,
            charge.quantity AS quantity_number, charge.price AS price_number, rate.list_price AS list_number,
            label.account, label.person, label.cluster, label.partition, label.qos, label.tier,
            label_detail.resource AS own_resource, label_detail.resource_name AS own_name,
            text.sku, text.description, text.meter_title, text.category, text.subcategory,
            text.recurring, nullif(text.service, '') AS service, text.details,
            {record_columns}
            rate.name AS rate_name, rate.unit, rate.valid_from, charge.subsidy,
            CASE WHEN label_detail.tags IS NULL THEN payer.tags
                ELSE json_merge_patch(label_detail.tags, payer.tags)::VARCHAR END AS tags
        FROM charge
        JOIN label ON label.id = charge.label
        LEFT JOIN label_detail ON label_detail.label = charge.label
        JOIN text ON text.label = charge.label AND text.meter = charge.meter AND text.variant = charge.variant
        JOIN rate ON rate.id = charge.rate
        JOIN payer ON payer.id = charge.payer
        {record_join}
        ORDER BY {order}, grade
    )
)
