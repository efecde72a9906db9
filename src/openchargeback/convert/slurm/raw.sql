-- raw: one row per line of the exports, steps included, with its cells read; the order is that of the files and lines.
-- line: where the record is in its file; NULL where each line is a record. shown_id: the id as people know it, where it is
-- not job_id. step: whether it is a step of a job. submitted: as printed, or SLUID or DBIndex if there is no submission.
-- origin: cluster, account, user, partition, QOS and state, joined by `joint()`. dated: whether the times say themselves when
-- they are, and are in UTC here. start_local, end_local: as printed, in the zone of the export unless dated; NULL if there is
-- none. elapsed, suspended: seconds. bad: the first column that cannot be read, with its cell.
CREATE TABLE raw (
    file INTEGER, line BIGINT, job_id VARCHAR, shown_id VARCHAR, step BOOLEAN, submitted VARCHAR, origin VARCHAR,
    dated BOOLEAN, start_local TIMESTAMP, end_local TIMESTAMP, elapsed BIGINT, suspended BIGINT, tres VARCHAR, bad VARCHAR
);
