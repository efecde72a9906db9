-- One row per record billed in the period: its identity and the interval billed, in seconds since 1970 (UTC, half-open).
SELECT DISTINCT
    record.identity, greatest(usage.starts, {first}) AS starts, least(usage.ends, {last}) AS ends
FROM usage
JOIN record ON record.n = usage.n
WHERE usage.starts < {last} AND usage.ends > {first}
ORDER BY starts, ends, identity
