-- One row per charge that equals an earlier row, with the location of that row; the header is row 1. Rows of the period
-- are numbered from 0; rows of an earlier month's file count down from its base.
INSERT INTO copy
SELECT
    pair.n,
    coalesce(charge_file.path, place.path),
    coalesce(pair.first - charge_file.first, place.base - pair.first) + 2
FROM (SELECT n, min(first) AS first FROM pair_of_rows WHERE n >= 0 GROUP BY n) AS pair
LEFT JOIN attributed AS charge ON charge.n = pair.first
LEFT JOIN charge_file ON charge_file.file = charge.file
LEFT JOIN (SELECT path, base, lead(base, 1, -9223372036854775807) OVER (ORDER BY base DESC) AS next FROM earlier_place) AS place
    ON pair.first <= place.base AND pair.first > place.next
