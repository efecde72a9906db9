-- One row per flagged charge of the queue item that a decision names. Charges that a decision names by id are excluded,
-- so that what an item's decision matches does not depend on decisions about the others.
INSERT INTO target
SELECT flagged.n, selector.decision
FROM selector
JOIN flagged USING (period, source, service, project, pi, currency, sub_account, resource, flags)
ANTI JOIN named_charge ON named_charge.n = flagged.n
