-- One row is one value of one configured reference in one distinct text of Tags. Read here: exact keys of plain
-- JSON objects. odd texts, which are not plain or spell the key otherwise, are read by provenance.py.
CREATE TABLE reference AS
WITH wanted AS (
    SELECT unnest($names) AS name, unnest($paths) AS path
)
SELECT tag.id AS tag, wanted.name, trim(json_extract_string(tag.text, wanted.path)) AS value
FROM tag
CROSS JOIN wanted
WHERE tag.plain
    AND json_type(tag.text, wanted.path) IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'DOUBLE', 'BOOLEAN')
    AND trim(json_extract_string(tag.text, wanted.path)) <> ''
