-- labels: the labels of the pieces.
INSERT INTO label
SELECT row_number() OVER (ORDER BY tier, account, person)::INTEGER, {cluster}, NULL, NULL, tier, account, person
FROM (
    SELECT DISTINCT nullif(tier, '') AS tier, nullif(account, '') AS account, {person} AS person
    FROM judged WHERE place = 1 AND amount > 0
);
-- usage: one row per record and meter.
INSERT INTO usage
SELECT judged.n, judged.starts, judged.ends, label.id, judged.meter, judged.variant, judged.amount
FROM judged
JOIN label ON label.tier IS NOT DISTINCT FROM nullif(judged.tier, '')
    AND label.account IS NOT DISTINCT FROM nullif(judged.account, '') AND label.person IS NOT DISTINCT FROM {person}
WHERE place = 1 AND amount > 0;
-- record: one row per record, as the room's `tables.sql` says; a machine is the same in every list.
CREATE VIEW record AS
SELECT DISTINCT n, file, line, md5_number_lower(concat_ws('|', {cluster}, identity)) AS identity, resource, '' AS state
FROM piece;
-- unused: how many records have no usage although nothing else left them out.
SELECT count(DISTINCT n) FILTER (WHERE repeated), count(DISTINCT n) FILTER (WHERE NOT repeated)
FROM judged WHERE n NOT IN (SELECT n FROM usage);
-- label_names: the labels by account and tier.
SELECT id, coalesce(account, ''), coalesce(tier, '') FROM label ORDER BY id;
