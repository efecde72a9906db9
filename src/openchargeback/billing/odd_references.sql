-- One row per distinct Tags text that provenance.py must read for references, since it is not plain JSON or spells a
-- key differently.
SELECT tag.id, tag.key_set, tag.text
FROM tag
JOIN (SELECT key_set, list(key) AS keys, list(folded) AS folded FROM reference_key GROUP BY key_set) AS wanted
    USING (key_set)
WHERE NOT tag.plain
    OR len(list_filter(
        json_keys(tag.text),
        lambda key: list_contains(wanted.folded, lower(replace(key, ' ', ''))) AND NOT list_contains(wanted.keys, key)
    )) > 0
