-- changed_costs: the number of paired charges with a different cost.
SELECT count(*)
FROM pair
JOIN base.outcome AS old ON old.n = pair.base
JOIN head.outcome AS new ON new.n = pair.head
WHERE old.cost <> new.cost;

-- run: charges in succession that are the same in base and head: the number of the first in each, and how many they are.
CREATE OR REPLACE TEMP TABLE run (base BIGINT, head BIGINT, rows BIGINT);

-- unpaired: a charge with a key but no partner.
CREATE OR REPLACE TABLE {side}.unpaired AS
SELECT n FROM {side}.row_key ANTI JOIN pair ON pair.{side} = n;
