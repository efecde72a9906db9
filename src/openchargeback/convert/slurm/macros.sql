-- How cells of sacct are read. NULL is what cannot be read.
-- duration: seconds of `D-HH:MM:SS`, `HH:MM:SS` or a plain number of seconds.
-- moment: the local time as printed, to the second; Unknown, None and an empty cell have none.
-- utc: the time in UTC of a cell that says by itself when it was: seconds since 1970 (`SLURM_TIME_FORMAT=%s`), or a time
--   with an offset (`%FT%T%z`). Zones by name do not: some names stand for several.
-- printed: seconds since 1970 as sacct would print them in UTC; 0 is not set.
-- submission: `submitted` in the form that tells jobs apart, however an export writes its times.
-- joint: what joins the cells of `origin`; no cell of sacct has it.
-- is_unset: whether a cell says that there is no value.
CREATE MACRO submission(submitted) AS replace(submitted, 'T', ' ');
CREATE MACRO joint() AS chr(31);
CREATE MACRO is_unset(cell) AS cell IS NULL OR cell IN ('', 'Unknown', 'None');
CREATE MACRO moment(cell) AS CASE WHEN strlen(cell) = 19 THEN try_cast(cell AS TIMESTAMP) END;
CREATE MACRO utc(cell) AS CASE
    WHEN regexp_full_match(cell, '\d{9,10}') THEN make_timestamp(try_cast(cell AS BIGINT) * 1000000)
    WHEN regexp_full_match(cell, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ') THEN try_cast(left(cell, 19) AS TIMESTAMP)
    WHEN regexp_full_match(cell, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[+-]([01]\d|2[0-3])(:?[0-5]\d)?')
        THEN try_cast(left(cell, 19) AS TIMESTAMP) - to_seconds(
            concat(cell[20], '1')::BIGINT
            * (cell[21:22]::BIGINT * 3600 + coalesce(nullif(ltrim(cell[23:], ':'), ''), '0')::BIGINT * 60)
        )
END;
CREATE MACRO is_utc(cell) AS CASE WHEN strlen(cell) <> 19 THEN utc(cell) IS NOT NULL ELSE false END;
CREATE MACRO clock_seconds(days, clock) AS CASE
    WHEN length(clock) = 8 AND clock[3] = ':' AND clock[6] = ':' AND clock[4:5] < '60' AND clock[7:8] < '60'
    THEN try_cast(days AS BIGINT) * 86400 + try_cast(clock[1:2] AS BIGINT) * 3600
        + try_cast(clock[4:5] AS BIGINT) * 60 + try_cast(clock[7:8] AS BIGINT)
END;
CREATE MACRO duration(cell) AS coalesce(
    try_cast(cell AS BIGINT),
    CASE WHEN contains(cell, '-') THEN clock_seconds(split_part(cell, '-', 1), split_part(cell, '-', 2))
        ELSE clock_seconds('0', cell) END
);
CREATE MACRO printed(cell) AS CASE WHEN cell = '0' THEN 'Unknown'
    WHEN try_cast(cell AS BIGINT) IS NULL THEN cell
    ELSE strftime(make_timestamp(try_cast(cell AS BIGINT) * 1000000), '%Y-%m-%dT%H:%M:%S') END;
