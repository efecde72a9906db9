-- One row per charge of a revision that may be billed otherwise than its partner: those that are not in a run of charges
-- that both revisions have ({apart}), those in one that may have another partner, and those that are not simply billed.
-- `candidate_partners` adds the partners.
CREATE TABLE {side}.candidate AS
SELECT n FROM {side}.attributed WHERE {apart}
UNION
SELECT {side} FROM contested
UNION
SELECT n FROM {side}.disposition
