-- One row is one distinct text of tags of the period (`LoadedFile.tags`) under one set of keys, read if it is plain.
-- key_set: the tag keys that its sources use. Of several keys of a field, the first one with a value wins.
-- Plain: a JSON object without duplicate keys, whose wanted keys are spelled exactly and have trimmed ASCII text.
-- Anything else has plain = false and is read by tags.py; its values here are NULL. fault: why tags are malformed.
-- types and found have the values under the keys of all sets; each set has the positions of its own keys in them.
CREATE TABLE tag AS
WITH parsed AS (
    SELECT
        key_set,
        text,
        CASE WHEN plain_json(text) THEN json_keys(text) END AS keys,
        CASE WHEN plain_json(text) THEN json_type(text, $paths) END AS types,
        CASE WHEN plain_json(text) THEN json_extract_string(text, $paths) END AS found
    FROM (SELECT DISTINCT key_set, tags AS text FROM ({texts}) WHERE tags IS NOT NULL)
),
marked AS (
    SELECT
        parsed.*,
        wanted.pi AS pi_places,
        wanted.project AS project_places,
        wanted.fund AS fund_places,
        coalesce(
            len(list_distinct(parsed.keys)) = len(parsed.keys)
            AND len(list_filter(parsed.keys, lambda key: list_contains(wanted.folded, lower(replace(key, ' ', ''))) AND NOT list_contains(wanted.keys, key))) = 0
            AND len(list_filter(parsed.keys, lambda key: regexp_matches(key, '^\s|\s$|[^ -~]'))) = 0
            AND len(list_filter(list_select(types, wanted.places), lambda kind: coalesce(kind, 'VARCHAR') <> 'VARCHAR')) = 0
            AND len(list_filter(list_select(found, wanted.places), lambda value: regexp_matches(coalesce(value, ''), '^\s|\s$|[^ -~]'))) = 0,
            false
        ) AS plain
    FROM parsed
    JOIN key_set AS wanted ON wanted.number = parsed.key_set
)
SELECT
    row_number() OVER (ORDER BY key_set, text) AS id,
    key_set,
    text,
    plain,
    CASE WHEN plain THEN list_filter(list_select(found, pi_places), lambda value: value <> '')[1] END AS pi,
    CASE WHEN plain THEN list_filter(list_select(found, project_places), lambda value: value <> '')[1] END AS project,
    CASE WHEN plain THEN list_filter(list_select(found, fund_places), lambda value: value <> '')[1] END AS fund,
    false AS malformed,
    NULL::VARCHAR AS fault
FROM marked
