-- One row per attribution of a charge that was taken from another version of its file, as it is in {schema}. Its number
-- follows those of this schema's own ({own}), and its tags are those with the same text here.
INSERT INTO payer
SELECT old.* REPLACE (old.id + {own} AS id, tag.id AS tag)
FROM {schema}.payer AS old
LEFT JOIN {schema}.tag AS was ON was.id = old.tag
LEFT JOIN tag ON tag.text = was.text AND tag.key_set = was.key_set
WHERE old.id + {own} IN (SELECT payer FROM attributed)
