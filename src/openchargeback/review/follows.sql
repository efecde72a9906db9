-- One row per correction with the charge it refers to: the first charge of its period and source with the referenced
-- number.
-- A reference to several charges with different payers matches none of them.
INSERT INTO back_reference
SELECT cited.n, charge.period, charge.source, cited.refers_to
FROM ({cited}) AS cited
JOIN attributed AS charge ON charge.n = cited.n
WHERE cited.refers_to IS NOT NULL;

INSERT INTO follows
SELECT back.n, min(original.n)
FROM back_reference AS back
JOIN ({cited}) AS cited ON cited.own = back.refers_to AND cited.n <> back.n
JOIN attributed AS original ON original.n = cited.n AND original.period = back.period AND original.source = back.source
GROUP BY back.n
HAVING count(DISTINCT original.payer) = 1
