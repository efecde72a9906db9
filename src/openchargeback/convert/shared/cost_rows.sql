-- cost_row: one row per row of a charge file, in its order: its cells as text, where it is, and no pool of its own.
INSERT INTO cost_row
SELECT {before} + raw.number, {file}, raw.number, coalesce(place.line, raw.number + 2), NULL, {cells}
FROM {rows} AS raw
LEFT JOIN place ON place.file = {file} AND place.row = raw.number
