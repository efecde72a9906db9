-- likeness: one row per charge of a source whose cost is that of a flagged one. alike: one row per charge that may be
-- identical to a flagged one, the flagged charges themselves among them.
CREATE OR REPLACE TEMP TABLE likeness AS
{rows};

CREATE OR REPLACE TEMP TABLE alike AS
SELECT n
FROM likeness
SEMI JOIN (
    SELECT likeness.cost, likeness.texts FROM likeness SEMI JOIN flagged_charge USING (n)
) AS flagged ON flagged.cost = likeness.cost AND flagged.texts = likeness.texts
