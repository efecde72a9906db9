-- judged: one row per piece: place counts those of one identity, meter and interval; clash: another of the same identity
-- and meter covers some of the same time and is not the same.
CREATE TABLE judged AS
WITH placed AS (
    SELECT
        *, row_number() OVER same AS place,
        max(ends) OVER before AS until
    FROM piece
    WINDOW
        same AS (PARTITION BY identity, meter, variant, starts, ends, amount, account, tier, subsidy ORDER BY n),
        before AS (
            PARTITION BY identity, meter, variant ORDER BY starts, ends, n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
)
SELECT *, place > 1 AS repeated, place = 1 AND until > starts AS clash FROM placed
