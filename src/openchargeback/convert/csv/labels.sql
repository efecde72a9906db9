-- row_label: one row per distinct combination of who used what, with an id from 1.
CREATE TABLE row_label AS
SELECT row_number() OVER (ORDER BY {label})::INTEGER AS id, *
FROM (SELECT DISTINCT {label} FROM placed WHERE left_out IS NULL)
