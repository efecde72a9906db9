-- One row is one text of charges or billing lines that is not ASCII.
SELECT DISTINCT text
FROM ({texts})
WHERE strlen(text) <> length(text)
