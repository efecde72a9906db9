-- raw: one row per line of the exports, steps included; the cells as sacct prints them, NULL where a file lacks the column.
-- The order of rows is that of the files and their lines.
CREATE TABLE raw (
    file INTEGER, JobID VARCHAR, JobIDRaw VARCHAR, DBIndex VARCHAR, SLUID VARCHAR, Cluster VARCHAR, Account VARCHAR,
    "User" VARCHAR, Partition VARCHAR, QOS VARCHAR, State VARCHAR, Submit VARCHAR, Start VARCHAR, "End" VARCHAR,
    Elapsed VARCHAR, ElapsedRaw VARCHAR, Suspended VARCHAR, AllocTRES VARCHAR, AllocNodes VARCHAR, NNodes VARCHAR
);
