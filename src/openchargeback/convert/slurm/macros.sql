-- How cells of sacct are read. NULL is what cannot be read.
-- whole: a number of digits alone. DuckDB would also read blanks, 1e3 and 1_000, and round 1.5.
-- duration: seconds of `D-HH:MM:SS`, `HH:MM:SS` or a plain number of seconds, of up to twelve digits.
-- moment: the local time as printed, to the second; Unknown, None and an empty cell have none.
-- utc: the time in UTC of a cell that says by itself when it was: seconds since 1970 (`SLURM_TIME_FORMAT=%s`), or a time
--   with an offset (`%FT%T%z`). Zones by name do not: some names stand for several.
-- printed: seconds since 1970 as sacct would print them in UTC; 0 is not set.
-- submission: `submitted` in the form that tells jobs apart, however an export writes its times.
-- joint: what joins the cells of `origin`; no cell of sacct has it.
-- is_unset: whether a cell says that there is no value.
-- is_step: whether an id is of a step, such as 123.batch. The list of an array's tasks may be cut, too: 123_[1,3,...].
CREATE MACRO submission(submitted) AS replace(submitted, 'T', ' ');
CREATE MACRO joint() AS chr(31);
CREATE MACRO is_step(job_id) AS CASE WHEN contains(job_id, '.') THEN NOT contains(job_id, '[') ELSE false END;
CREATE MACRO is_unset(cell) AS cell IS NULL OR cell IN ('', 'Unknown', 'None');
CREATE MACRO moment(cell) AS CASE WHEN strlen(cell) = 19 THEN try_cast(cell AS TIMESTAMP) END;
CREATE MACRO utc(cell) AS CASE
    WHEN strlen(cell) = 19 THEN NULL -- Most are printed as local times.
    WHEN regexp_full_match(cell, '\d{9,10}') THEN make_timestamp(try_cast(cell AS BIGINT) * 1000000)
    WHEN regexp_full_match(cell, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ') THEN try_cast(left(cell, 19) AS TIMESTAMP)
    WHEN regexp_full_match(cell, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[+-]([01]\d|2[0-3])(:?[0-5]\d)?')
        THEN try_cast(left(cell, 19) AS TIMESTAMP) - to_seconds(
            concat(cell[20], '1')::BIGINT
            * (cell[21:22]::BIGINT * 3600 + coalesce(nullif(ltrim(cell[23:], ':'), ''), '0')::BIGINT * 60)
        )
END;
CREATE MACRO whole(cell) AS CASE WHEN try_cast(cell AS BIGINT)::VARCHAR = cell THEN try_cast(cell AS BIGINT) END;
CREATE MACRO duration(cell) AS coalesce(
    CASE WHEN strlen(cell) <= 12 THEN whole(cell) END,
    CASE WHEN regexp_full_match(cell, '(\d{1,6}-)?\d\d:[0-5]\d:[0-5]\d')
        THEN CASE WHEN contains(cell, '-') THEN split_part(cell, '-', 1)::BIGINT * 86400 ELSE 0 END
            + cell[-8:-7]::BIGINT * 3600 + cell[-5:-4]::BIGINT * 60 + cell[-2:]::BIGINT END
);
CREATE MACRO printed(cell) AS CASE WHEN cell = '0' THEN 'Unknown'
    WHEN whole(cell) IS NULL OR strlen(cell) > 12 THEN cell
    ELSE strftime(make_timestamp(whole(cell) * 1000000), '%Y-%m-%dT%H:%M:%S') END;
