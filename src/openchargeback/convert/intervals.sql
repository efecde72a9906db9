-- One row per record billed in the period: its identity and the interval billed, in seconds since 1970 (UTC, half-open).
SELECT DISTINCT
    record.identity, greatest(held.starts, {first}) AS starts, least(held.ends, {last}) AS ends
FROM held
JOIN record ON record.n = held.n
WHERE held.starts < {last} AND held.ends > {first}
ORDER BY starts, ends, identity
