-- years: the earliest and the latest local time of the rows that are billed.
SELECT min(least(start_local, end_local)) AS first, max(greatest(start_local, end_local)) AS last
FROM cell WHERE left_out IS NULL AND year(start_local) BETWEEN 1990 AND 2200 AND coalesce(year(end_local), 2000) BETWEEN 1990 AND 2200;
-- zoneless: how many rows have a time that does not say its zone.
SELECT count(*) FROM cell WHERE left_out IS NULL AND start_ahead IS NULL AND start_local IS NOT NULL;
-- left_out: how many rows are not billed, by reason.
SELECT left_out AS reason, count(*) AS rows FROM placed WHERE left_out IS NOT NULL GROUP BY ALL ORDER BY ALL;
-- drop_repeated: rows that are identical to an earlier one are not billed again.
UPDATE placed SET left_out = 'identical to another row'
FROM repeated WHERE repeated.n = placed.n AND repeated.first <> placed.n AND repeated.clash IS NULL;
-- number_repeated: rows that are identical are each billed, so each gets an identity of its own.
UPDATE placed SET identity = md5_number_lower(concat_ws('|', placed.identity, numbered.number))
FROM (SELECT n, row_number() OVER (PARTITION BY identity ORDER BY n) AS number FROM placed WHERE left_out IS NULL) AS numbered
WHERE numbered.n = placed.n AND numbered.number > 1;
-- labels: one row per distinct combination of who used what.
INSERT INTO label
SELECT id, cluster, partition, qos, tier, account, person FROM row_label ORDER BY id;
-- details: what else is known of labels.
INSERT INTO label_detail
SELECT id, resource, resource_name, tags, pi, project, fund FROM row_label
WHERE coalesce(resource, resource_name, tags, pi, project, fund) IS NOT NULL ORDER BY id;
-- record: one row per row of the tables.
CREATE VIEW record AS SELECT n, file, line, identity, resource, '' AS state FROM placed;
