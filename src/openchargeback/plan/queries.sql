-- candidate_partners: a charge whose partner in the other revision is a candidate.
INSERT INTO {side}.candidate
SELECT {side} FROM pair
WHERE {other} IN (SELECT n FROM {other}.candidate) AND {side} NOT IN (SELECT n FROM {side}.candidate);

-- changed_costs: the number of paired charges with a different cost.
SELECT count(*)
FROM pair
JOIN base.outcome AS old ON old.n = pair.base
JOIN head.outcome AS new ON new.n = pair.head
WHERE old.cost <> new.cost;

-- contested: none so far (`contested.sql`).
CREATE TEMP TABLE contested (base BIGINT, head BIGINT, source VARCHAR, key UHUGEINT);

-- run: charges in succession that are the same in base and head: the number of the first in each, and how many they are.
CREATE OR REPLACE TEMP TABLE run (base BIGINT, head BIGINT, rows BIGINT);

-- unpaired: a charge with a key but no partner.
CREATE OR REPLACE TABLE {side}.unpaired AS
SELECT n FROM {side}.row_key ANTI JOIN pair ON pair.{side} = n;
