-- place: one row per row of a table whose lines are not simply numbered: its line.
CREATE TABLE place (file INTEGER, row BIGINT, line BIGINT);
-- use: one row per row of a usage table, pool and weight: who used how much when. text: the number as written.
CREATE TABLE use (
    pool INTEGER, weight INTEGER, file INTEGER, line BIGINT, resource VARCHAR, account VARCHAR, day_text VARCHAR,
    day DATE, until TIMESTAMP, text VARCHAR, amount DECIMAL(38, 18), identity VARCHAR
);
-- use_row: the rows of a usage table for one pool and weight.
INSERT INTO use
SELECT
    {pool}, {weight}, {file}, coalesce(place.line, raw.row + 2), {resource}, coalesce({account}, ''), {day},
    utc({day})::DATE, utc({until}), {cell}, {amount}, {identity}
FROM use_raw_{file} AS raw LEFT JOIN place ON place.file = {file} AND place.row = raw.row;
-- use_repeated: rows of a usage table, each with the line of the first row that is for the same thing in the pool.
SELECT *, min(file * 10000000000 + line) OVER (PARTITION BY pool, weight, identity) AS first
FROM use WHERE identity IS NOT NULL AND weight = 0;
-- used: one row per pool, resource, account, day and weight: the sum of the use. day is NULL if the table has no days.
SELECT pool, resource, account, day, weight, sum(amount)::DECIMAL(38, 18) AS amount
FROM use GROUP BY ALL ORDER BY ALL;
-- cost_month: the first and the last month of the shared costs.
SELECT min(month), max(month) FROM shared_cost;
-- cost_group: one row per pool and span of days by whose use rows are split; for a pool by month, one span.
CREATE TABLE cost_group AS
SELECT row_number() OVER (ORDER BY pool, first_day, last_day) AS id, *
FROM (SELECT DISTINCT pool, first_day, last_day FROM shared_cost);
-- groups: as `cost_group`, with the first line of its rows.
SELECT
    cost_group.id, cost_group.pool, cost_group.first_day, cost_group.last_day,
    min_by(shared_cost.file, shared_cost.n) AS file, min_by(shared_cost.line, shared_cost.n) AS line
FROM cost_group
JOIN shared_cost
    ON cost_group.pool = shared_cost.pool
    AND cost_group.first_day IS NOT DISTINCT FROM shared_cost.first_day
    AND cost_group.last_day IS NOT DISTINCT FROM shared_cost.last_day
GROUP BY ALL ORDER BY cost_group.id;
-- share: one row per part that rows of a group are split into. number counts from 0; the parts of a group add up to 1.
CREATE TABLE share (
    number INTEGER, cost_group INTEGER, ratio DECIMAL(19, 18), resource VARCHAR, payer INTEGER, tags VARCHAR,
    method VARCHAR, details VARCHAR
);
-- split_total: as `allocate.sql` wants the totals of what is allocated: what is above whole units, in 10^-18.
CREATE VIEW split_total AS SELECT id, rest::HUGEINT AS billed, 0::HUGEINT AS discount FROM split_amount;
-- rows_split: how many rows are for costs whose identities are in a file of `intervals.py`; of rows that are for the same
-- (`shared_cost.sql`), the first tells.
SELECT count(*) FROM {rows}
WHERE md5_number_lower({identity} || '|1') IN (SELECT identity FROM read_parquet({usage}));
-- record: what `intervals.py` wants of the rows that are split.
CREATE VIEW record AS SELECT n, file, line, identity, '' AS resource, '' AS state FROM shared_cost;
-- held: what `intervals.py` wants: that a shared cost is billed for its month as a whole.
CREATE VIEW held AS SELECT n, {first}::BIGINT AS starts, {last}::BIGINT AS ends FROM shared_cost;
