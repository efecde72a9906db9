-- One row per charge, or per form with NULL for what differs between its charges, as FOCUS 1.2 (columns in alphabetical
-- order, then our own).
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
    concat_ws('.', sku, rate_name, nullif(grade, '')) AS SkuPriceId,
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
    {further}
FROM (
    SELECT
        *,
        coalesce(own_resource, nullif({resource}, '')) AS resource_id,
        coalesce(own_name, resource_id) AS resource_name,
        trimmed(coalesce(price_number, given_price)) AS price,
        trimmed(list_number) AS list_price,
        trimmed(quantity_number) AS quantity,
        trimmed(coalesce(given_cost, quantity_number * price_number)) AS cost,
        -- Many lists are the price, and text takes time.
        CASE WHEN given_cost IS NULL AND price_number = list_number THEN cost
            ELSE trimmed(coalesce(given_list, quantity_number * list_number)) END AS list
    FROM {rows}
)
