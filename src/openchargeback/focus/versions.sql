-- One row is a row of a charge file of which another version was read before: the lines that both share are rows of that
-- version ({old}), the others were read on their own ({between}). rowid: as if the file were in a table of its own.
-- The rows from {first} to {last} of the version are not in the file; those after them are {shift} rows further down.
CREATE OR REPLACE VIEW {view} AS
SELECT
    CASE WHEN number < {first} THEN number ELSE number + {shift} END AS rowid,
    * EXCLUDE (number) REPLACE ({file}::INTEGER AS file)
FROM {old}
WHERE number < {first} OR number >= {last}
UNION ALL
SELECT number + {first} AS rowid, * EXCLUDE (number)
FROM {between}
