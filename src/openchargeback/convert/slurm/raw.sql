-- raw: one row per line of the exports, steps included, with its cells read; the order is that of the files and lines.
-- line: where the record is in its file; NULL where each line is a record. shown_id: the id as people know it, where it is
-- not job_id. start_local, end_local, submit: as printed, in the zone of the export; NULL if there is none. serial: SLUID
-- or DBIndex, where there is no submission. elapsed, suspended: seconds. bad: the first column that cannot be read, with
-- its cell.
CREATE TABLE raw (
    file INTEGER, line BIGINT, job_id VARCHAR, shown_id VARCHAR, submit TIMESTAMP, serial VARCHAR, cluster VARCHAR,
    account VARCHAR, person VARCHAR, partition VARCHAR, qos VARCHAR, state VARCHAR, start_local TIMESTAMP, end_local TIMESTAMP,
    elapsed BIGINT, suspended BIGINT, tres VARCHAR, bad VARCHAR, bad_cell VARCHAR
);
