-- One row per flag that an attribution raises on its charges (docs/LEDGER.md, "Flags"), with the reason.
-- billed_only: only on charges with a nonzero cost. Fund flags are only raised on what needs a fund.
CREATE TABLE payer_flag AS
WITH checked AS (
    SELECT
        payer.*,
        needs_fund(payer.posts, payer.pi) AS needs_fund,
        entry.pis,
        entry.funds,
        fund.id AS known_fund,
        fund.active AS fund_active,
        '“' || payer.written_pi || '”' AS quoted_pi,
        coalesce('; did you mean ' || near_pi.near || '?', '') AS or_pi,
        coalesce('; did you mean ' || near_project.near || '?', '') AS or_project,
        coalesce('; did you mean ' || near_fund.near || '?', '') AS or_fund
    FROM payer
    LEFT JOIN entry ON entry.number = payer.entry
    LEFT JOIN fund ON fund.id = payer.fund
    LEFT JOIN nearest AS near_pi ON near_pi.kind = 'pi' AND near_pi.value = coalesce(payer.pi, payer.written_pi)
    LEFT JOIN nearest AS near_project ON near_project.kind = 'project' AND near_project.value = payer.project
    LEFT JOIN nearest AS near_fund ON near_fund.kind = 'fund' AND near_fund.value = payer.fund
)
SELECT id AS payer, 'malformed-tags' AS flag, false AS billed_only, (SELECT fault FROM tag WHERE tag.id = checked.tag) AS why
FROM checked
WHERE malformed
UNION ALL
SELECT id, 'missing-pi', false, quoted_pi || ' is not an email address' || or_pi
FROM checked
WHERE pi IS NULL AND NOT malformed
UNION ALL
SELECT id, 'missing-project', false, NULL
FROM checked
WHERE project IS NULL AND NOT malformed
UNION ALL
SELECT id, 'missing-fund', true, NULL
FROM checked
WHERE fund IS NULL AND NOT malformed AND needs_fund
UNION ALL
SELECT id, 'unknown-pi', false, pi || ' is not in people.yaml' || or_pi
FROM checked
WHERE $has_people AND pi IS NOT NULL AND NOT list_contains($people, pi)
UNION ALL
SELECT id, 'unknown-project', false, project || ' is not in projects.yaml' || or_project
FROM checked
WHERE project IS NOT NULL AND (SELECT count(*) FROM project) > 0 AND project NOT IN (SELECT id FROM project)
UNION ALL
SELECT id, 'unknown-fund', false, fund || ' is not in funds.yaml' || or_fund
FROM checked
WHERE needs_fund AND fund IS NOT NULL AND known_fund IS NULL AND (SELECT count(*) FROM fund) > 0
UNION ALL
SELECT id, 'invalid-fund', false, '“' || fund || '” matches no fund pattern' || or_fund
FROM checked
WHERE needs_fund AND list_contains($bad_funds, fund)
UNION ALL
SELECT id, 'inactive-fund', false, fund || ' is inactive'
FROM checked
WHERE needs_fund AND NOT fund_active
UNION ALL
SELECT id, 'pi-not-of-project', false,
    'tagged “' || pi || '”; ' || project || ' belongs to ' || array_to_string(pis, ', ')
FROM checked
WHERE pi_via = 'tag' AND len(pis) > 0 AND NOT list_contains(pis, pi)
UNION ALL
SELECT id, 'fund-not-of-project', false,
    'tagged “' || fund || '”; ' || project || ' is paid by ' || array_to_string(funds, ', ')
FROM checked
WHERE needs_fund AND fund_via = 'tag' AND len(funds) > 0 AND NOT list_contains(funds, fund)
