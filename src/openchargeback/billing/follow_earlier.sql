-- One row of follows_earlier per correction of a charge of an earlier month, with the outcome and payer of that charge.
-- The payer of a billed charge becomes a separate attribution.
CREATE TABLE follows_earlier AS
SELECT back.n, original.* EXCLUDE (period)
FROM back_reference AS back
ANTI JOIN follows ON follows.n = back.n
JOIN original ON original.period = back.period AND original.source = back.source AND original.number = back.refers_to;

INSERT INTO payer BY NAME
SELECT
    (SELECT coalesce(max(id), 0) FROM payer) + row_number() OVER (ORDER BY source, number, pi, project, fund) AS id,
    source,
    number AS category,
    false AS malformed,
    (SELECT any_value(posts) FROM payer AS other WHERE other.source = followed.source) AS posts,
    pi,
    project,
    fund,
    'reference' AS pi_via,
    'reference' AS project_via,
    'reference' AS fund_via
FROM (SELECT DISTINCT source, number, pi, project, fund FROM follows_earlier WHERE disposition = 'billed') AS followed
