-- One row per value of a configured reference in a distinct Tags text: the first of its keys with a value.
-- This reads only exact keys of plain JSON objects; provenance.py reads the texts of odd_references.sql.
CREATE TABLE reference AS
SELECT tag.id AS tag, wanted.name, arg_min(trim(json_extract_string(tag.text, wanted.path)), wanted.rank) AS value
FROM tag
JOIN reference_key AS wanted ON wanted.key_set = tag.key_set
WHERE tag.plain
    AND json_type(tag.text, wanted.path) IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'DOUBLE', 'BOOLEAN')
    AND trim(json_extract_string(tag.text, wanted.path)) <> ''
GROUP BY tag.id, wanted.name
