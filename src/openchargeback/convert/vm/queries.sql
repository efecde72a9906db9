-- machine_label: one row per distinct combination of who has machines of which tier at which subsidy, with an id from 1.
CREATE TABLE machine_label AS
SELECT row_number() OVER (ORDER BY tier, account, person, subsidy)::INTEGER AS id, *
FROM (
    SELECT DISTINCT nullif(tier, '') AS tier, nullif(account, '') AS account, {person} AS person, subsidy
    FROM judged WHERE place = 1 AND amount > 0
);
-- labels: the same in the form that all kinds share.
INSERT INTO label SELECT id, {cluster}, NULL, NULL, tier, account, person FROM machine_label ORDER BY id;
-- reductions: the subsidies of labels.
INSERT INTO reduction SELECT id, subsidy FROM machine_label WHERE subsidy IS NOT NULL ORDER BY id;
-- usage: one row per record and meter.
INSERT INTO usage
SELECT judged.n, judged.starts, judged.ends, label.id, judged.meter, judged.variant, judged.amount
FROM judged
JOIN machine_label AS label ON label.tier IS NOT DISTINCT FROM nullif(judged.tier, '')
    AND label.account IS NOT DISTINCT FROM nullif(judged.account, '') AND label.person IS NOT DISTINCT FROM {person}
    AND label.subsidy IS NOT DISTINCT FROM judged.subsidy
WHERE place = 1 AND amount > 0;
-- record: one row per record, as the room's `tables.sql` says; a machine is the same in every list.
CREATE VIEW record AS
SELECT DISTINCT n, file, line, md5_number_lower(concat_ws('|', {cluster}, identity)) AS identity, resource, '' AS state
FROM piece;
-- unused: how many records have no usage although nothing else left them out.
SELECT count(DISTINCT n) FILTER (WHERE repeated), count(DISTINCT n) FILTER (WHERE NOT repeated)
FROM judged WHERE n NOT IN (SELECT n FROM usage);
-- tiers: the tiers of the machines.
SELECT DISTINCT coalesce(tier, '') FROM machine_label;
