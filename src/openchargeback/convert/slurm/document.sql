-- document: one row, the export: its jobs as JSON, and the errors that sacct reports, NULL if there are none.
CREATE TABLE document AS
SELECT jobs, CASE WHEN json_array_length(errors) > 0 THEN errors::VARCHAR END AS failed FROM {document}
