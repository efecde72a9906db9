-- One row per text that a column of browsed charges has, with its code: its place among the texts of the column.
CREATE OR REPLACE TEMP TABLE word AS
SELECT field, text, detail, row_number() OVER (PARTITION BY field ORDER BY text, detail) - 1 AS code
FROM (
    SELECT DISTINCT 'state' AS field, state AS text, '' AS detail FROM browsed
    UNION ALL SELECT DISTINCT 'source', source, '' FROM browsed
    UNION ALL SELECT DISTINCT 'service', service, '' FROM browsed
    UNION ALL SELECT DISTINCT 'pi', pi, '' FROM browsed
    UNION ALL SELECT DISTINCT 'project', project, '' FROM browsed
    UNION ALL SELECT DISTINCT 'fund', fund, '' FROM browsed
    UNION ALL SELECT DISTINCT 'flags', flags, '' FROM browsed
    UNION ALL SELECT DISTINCT 'decision', decision, '' FROM browsed
    UNION ALL SELECT DISTINCT 'currency', currency, '' FROM browsed
    UNION ALL SELECT DISTINCT 'resource', resource, resource_id FROM browsed
)
