-- One row is one distinct text of tags of the period (`LoadedFile.tags`), read where it is plain.
-- Plain: a JSON object without duplicate keys, whose wanted keys are spelled exactly and hold trimmed ASCII text.
-- What is not plain has plain = false and is judged by tags.py; its values here are NULL. fault: why tags are malformed.
CREATE TABLE tag AS
WITH parsed AS (
    SELECT
        text,
        CASE WHEN plain_json(text) THEN json_keys(text) END AS keys,
        CASE WHEN plain_json(text) THEN json_type(text, $paths) END AS types,
        CASE WHEN plain_json(text) THEN json_extract_string(text, $paths) END AS found
    FROM (SELECT DISTINCT tags AS text FROM ({texts}) WHERE tags IS NOT NULL)
),
sieved AS (
    SELECT
        *,
        coalesce(
            len(list_distinct(keys)) = len(keys)
            AND len(list_filter(keys, lambda key: list_contains($folded, lower(replace(key, ' ', ''))) AND NOT list_contains($keys, key))) = 0
            AND len(list_filter(keys, lambda key: regexp_matches(key, '^\s|\s$|[^ -~]'))) = 0
            AND len(list_filter(types, lambda kind: coalesce(kind, 'VARCHAR') <> 'VARCHAR')) = 0
            AND len(list_filter(found, lambda value: regexp_matches(coalesce(value, ''), '^\s|\s$|[^ -~]'))) = 0,
            false
        ) AS plain
    FROM parsed
)
SELECT
    row_number() OVER (ORDER BY text) AS id,
    text,
    plain,
    CASE WHEN plain THEN nullif(found[1], '') END AS pi,
    CASE WHEN plain THEN nullif(found[2], '') END AS project,
    CASE WHEN plain THEN nullif(found[3], '') END AS fund,
    false AS malformed,
    NULL::VARCHAR AS fault
FROM sieved
