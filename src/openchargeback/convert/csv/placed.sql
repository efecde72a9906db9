-- placed: one row per row of the tables, in their order, with the time of its usage in seconds since 1970 (UTC).
-- Parts of a second count as the whole one; usage without an end took a second, or a day or month that is named.
CREATE TABLE placed AS
SELECT
    cell.*,
    epoch_us(start_local) // 1000000 - coalesce(start_ahead, {start_offset}) AS starts,
    CASE WHEN {has_end}
        THEN greatest(
            (epoch_us(end_local) + 999999) // 1000000 - coalesce(end_ahead, {end_offset}),
            -- Within one second: some programs log requests so.
            CASE WHEN {is_instant} AND end_local >= start_local THEN starts + 1 ELSE 0 END
        )
        ELSE starts + 1
    END AS ends
FROM cell
