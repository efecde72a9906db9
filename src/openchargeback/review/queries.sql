-- dated: a charge of a project with dated entries; empty if no project has any.
CREATE TABLE dated (
    n BIGINT,
    naming BIGINT,
    project VARCHAR,
    first_day DATE,
    last_day DATE,
    entry INTEGER,
    last_entry INTEGER
);

-- detail: a held charge with the details that a reviewer sees.
CREATE TABLE detail (
    n BIGINT,
    path VARCHAR,
    "row" BIGINT,
    first_day DATE,
    last_day DATE,
    sub_account VARCHAR,
    sub_account_name VARCHAR,
    resource_id VARCHAR,
    resource_name VARCHAR,
    quantity DECIMAL(38, 18),
    unit VARCHAR,
    list_unit_price DECIMAL(38, 18),
    contracted_unit_price DECIMAL(38, 18),
    tags VARCHAR
);

-- directory: a project, a dated entry of one, a fund.
CREATE TABLE project (id VARCHAR, ends DATE, dated BOOLEAN);
CREATE TABLE entry (
    number INTEGER,
    project VARCHAR,
    pi VARCHAR,
    fund VARCHAR,
    pis VARCHAR[],
    funds VARCHAR[],
    since DATE,
    until DATE
);
CREATE TABLE fund (id VARCHAR, active BOOLEAN, since DATE, until DATE);
CREATE TABLE external (pi VARCHAR);

-- fund_rules: what needs a fund: charges of a source that posts, unless their PI is sent invoices.
CREATE MACRO needs_fund(posts, pi) AS posts AND (pi IS NULL OR pi NOT IN (SELECT external.pi FROM external));

-- fallback: the default payer of a source.
CREATE TABLE fallback (
    source VARCHAR,
    pi VARCHAR,
    project VARCHAR,
    fund VARCHAR,
    untagged_only BOOLEAN,
    posts BOOLEAN
);

-- flag_totals: a flag as raised in a period, in one currency.
SELECT charge.period, flag.flag, charge.currency, count(*), sum(charge.cost)
FROM flag
JOIN attributed AS charge USING (n)
GROUP BY ALL
ORDER BY ALL;

-- flag_unusual: a charge of a source, project and service with an unusual total.
INSERT INTO flag
SELECT charge.n, 'unusual-amount', unusual.why
FROM attributed AS charge
JOIN payer ON payer.id = charge.payer
JOIN unusual
    ON unusual.period = charge.period AND unusual.source = charge.source AND unusual.project = payer.project AND unusual.service = charge.service;

-- flagged_charge: a charge whose id is needed: flagged, or the original of a flagged correction.
CREATE OR REPLACE TEMP TABLE flagged_charge AS
SELECT n, source, cost
FROM attributed
WHERE
    n IN (SELECT n FROM flag UNION ALL SELECT original FROM follows SEMI JOIN flag USING (n))
    AND list_contains($periods, period);

-- flags_not_raised: a decision with the flags that it clears but none of its charges has.
SELECT clears.decision, list_sort(list(clears.flag))
FROM clears
WHERE
    clears.decision IN (SELECT decision FROM ruling)
    AND NOT EXISTS (
        SELECT 1
        FROM ruling
        JOIN flag USING (n)
        WHERE ruling.decision = clears.decision AND flag.flag = clears.flag
    )
GROUP BY clears.decision
ORDER BY clears.decision;

-- foreign_decisions: a decision that would bill a charge in a foreign currency.
SELECT DISTINCT decision
FROM ruling
JOIN attributed USING (n)
JOIN verdict USING (decision)
WHERE currency <> $currency AND verb <> 'reject';

-- forget_ids: the ids of these sources.
DELETE FROM charge_id
WHERE n IN (SELECT n FROM attributed WHERE list_contains($sources, source));

-- ids_of_decisions: a decision with the ids of all its charges.
SELECT decision, list(id)
FROM target
JOIN charge_id USING (n)
WHERE list_contains($decisions, decision)
GROUP BY decision;

-- named_targets: a charge that a decision names by a prefix of its id.
INSERT INTO target
SELECT DISTINCT charge_id.n, named.decision
FROM named
JOIN charge_id ON left(charge_id.id, 8) = left(named.prefix, 8) AND starts_with(charge_id.id, named.prefix)
JOIN attributed AS charge ON charge.n = charge_id.n AND charge.period = named.period;

-- near: a charge of a source with the same cost as a flagged one of it, in these periods.
CREATE OR REPLACE TEMP TABLE near AS
SELECT n, cost
FROM attributed
WHERE
    source = $source
    AND list_contains($periods, period)
    AND cost IN (SELECT cost FROM flagged_charge WHERE source = $source);

-- overlapping_decisions: two decisions on the same charge.
SELECT DISTINCT a.decision, b.decision
FROM target AS a
JOIN target AS b ON a.n = b.n AND a.decision < b.decision
ORDER BY 1, 2;

-- partly_numbered: a source with charges that have no id.
SELECT DISTINCT source FROM attributed ANTI JOIN charge_id USING (n) ORDER BY source;

-- payer_of_original: a correction that takes the payer of the charge it refers to.
UPDATE attributed
SET payer = original.payer
FROM follows
JOIN attributed AS original ON original.n = follows.original
WHERE attributed.n = follows.n;

-- spending: the exact total of a project's charges of a service from a source in a period, if it exceeds a minimum.
SELECT charge.period, charge.source, payer.project, charge.service, sum(charge.cost)
FROM attributed AS charge
JOIN payer ON payer.id = charge.payer
WHERE payer.project IS NOT NULL AND charge.currency = $currency
GROUP BY ALL
HAVING sum(charge.cost) > $minimum::DECIMAL(38, 18)
ORDER BY ALL;

-- suspects: a row whose hash equals that of another row of the same files.
CREATE OR REPLACE TEMP TABLE suspect AS
SELECT n
FROM row_hash
WHERE h IN (SELECT h FROM row_hash GROUP BY h HAVING count(*) > 1);

-- suspects_of_both: a row whose hash equals that of a row of the other side.
CREATE OR REPLACE TEMP TABLE suspect AS
SELECT n FROM side_0 SEMI JOIN side_1 USING (h)
UNION ALL
SELECT n FROM side_1 SEMI JOIN side_0 USING (h);
