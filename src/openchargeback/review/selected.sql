-- One row is one flagged charge of the queue item that a decision names. Charges that a decision names by id are out of
-- reach, so that what an item's decision matches does not depend on what else is decided about the rest.
INSERT INTO target
SELECT flagged.n, selector.decision
FROM selector
JOIN flagged USING (source, service, project, pi, currency, sub_account, resource, flags)
ANTI JOIN named_charge ON named_charge.n = flagged.n
