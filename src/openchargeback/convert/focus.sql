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
    CASE WHEN recurring THEN 'Purchase' ELSE 'Usage' END AS ChargeCategory,
    NULL AS ChargeClass,
    description AS ChargeDescription,
    CASE WHEN recurring THEN 'Recurring' ELSE 'Usage-Based' END AS ChargeFrequency,
    as_time(ends) AS ChargePeriodEnd,
    as_time(starts) AS ChargePeriodStart,
    CASE WHEN NOT recurring THEN quantity END AS ConsumedQuantity,
    CASE WHEN NOT recurring THEN unit END AS ConsumedUnit,
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
    resource_id AS ResourceName,
    $resource_type AS ResourceType,
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
    amount AS x_UsageSeconds
    {user_column}
FROM (
    -- Texts and constants come after the sort, which then moves little.
    SELECT
        *, {resource} AS resource_id,
        trimmed(price_number) AS price, trimmed(list_number) AS list_price, trimmed(quantity_number) AS quantity,
        trimmed(quantity_number * price_number) AS cost, trimmed(quantity_number * list_number) AS list
    FROM (
        SELECT
            charge.n, charge.span, charge.starts, charge.ends, charge.records, charge.amount, charge.variant, charge.meter,
            charge.grade, charge.quantity AS quantity_number, charge.price AS price_number, rate.list_price AS list_number,
            label.account, label.person, label.cluster, label.partition, label.qos, label.tier,
            text.sku, text.description, text.meter_title, text.category, text.subcategory,
            text.recurring, nullif(text.service, '') AS service, text.details,
            {record_columns}
            rate.name AS rate_name, rate.unit, rate.valid_from, charge.subsidy, payer.tags
        FROM charge
        JOIN label ON label.id = charge.label
        JOIN text ON text.label = charge.label AND text.meter = charge.meter AND text.variant = charge.variant
        JOIN rate ON rate.id = charge.rate
        JOIN payer ON payer.id = charge.payer
        {record_join}
        ORDER BY {order}, grade
    )
)
