-- How cells are read; NULL is what cannot be read. Every macro is total: what does not fit is NULL.
-- as_number: a DECIMAL(38, 18); further places are rounded. filled: text unless it is empty. as_written: a number as as_number reads it.
-- plus, minus, times, over: arithmetic on such numbers, rounded half up to 18 places. A list of one gives a
--   value a name, since a macro repeats its text, which would grow with every level of a formula. A product is that of whole and broken parts, since 38 digits cannot hold it.
-- units: a number in 10^-18, as a whole number.
-- iso_local, iso_offset: an ISO 8601 time as written, and how many seconds it is ahead of UTC; NULL if it does not say.
CREATE MACRO as_number(cell) AS list_transform([trim(cell)], lambda of: CASE
    WHEN regexp_full_match(of, {number}) THEN TRY(replace(replace(of, {thousands}, ''), {decimal}, '.')::DECIMAL(38, 18))
END)[1];
CREATE MACRO filled(cell) AS list_filter([cell], lambda of: of <> '')[1];
CREATE MACRO as_written(number) AS replace(trimmed(number), '.', {decimal});
CREATE MACRO plus(a, b) AS TRY((a + b)::DECIMAL(38, 18));
CREATE MACRO minus(a, b) AS TRY((a - b)::DECIMAL(38, 18));
CREATE MACRO times(a, b) AS TRY(list_transform([{'a': a, 'b': b}], lambda of:
    (trunc(of.a)::HUGEINT * trunc(of.b)::HUGEINT)::DECIMAL(38, 18)
    + trunc(of.a)::DECIMAL(20, 0) * (of.b - trunc(of.b))::DECIMAL(18, 18)
    + trunc(of.b)::DECIMAL(20, 0) * (of.a - trunc(of.a))::DECIMAL(18, 18)
    + ((of.a - trunc(of.a))::DECIMAL(18, 18) * (of.b - trunc(of.b))::DECIMAL(18, 18))::DECIMAL(38, 18)
)[1]);
CREATE MACRO units(a) AS TRY(list_transform([a], lambda of:
    trunc(of)::HUGEINT * 1000000000000000000
    + ((of - trunc(of))::DECIMAL(18, 18) * 1000000000000000000::DECIMAL(19, 0))::HUGEINT
)[1]);
-- Nine places at a time: the rest of a division times 10^18 would not fit.
CREATE MACRO over(a, b) AS TRY(list_transform(
    list_transform([{'a': a, 'b': b}], lambda of: {
        'a': abs(units(of.a)), 'b': abs(units(of.b)), 's': sign(of.a) * sign(of.b)
    }),
    lambda of: CASE WHEN of.b > 0 THEN
        money(of.s * (
            of.a // of.b * 1000000000000000000
            + of.a % of.b * 1000000000 // of.b * 1000000000
            + (of.a % of.b * 1000000000 % of.b * 2000000000 + of.b) // (of.b * 2)
        ))
    END
)[1]);
CREATE MACRO iso_local(cell) AS try_cast(
    regexp_extract(cell, '^(\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?) ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)?$', 1)
    AS TIMESTAMP
);
CREATE MACRO iso_offset(cell) AS CASE
    WHEN regexp_matches(cell, '(Z|UTC)$') THEN 0
    WHEN regexp_matches(cell, ':\d{2}(\.\d+)? ?[+-]\d{2}(:?\d{2})?$') THEN
        (CASE WHEN regexp_extract(cell, '([+-])\d{2}(?::?\d{2})?$', 1) = '-' THEN -1 ELSE 1 END)
        * (regexp_extract(cell, '[+-](\d{2})(?::?\d{2})?$', 1)::INTEGER * 3600
            + coalesce(nullif(regexp_extract(cell, '[+-]\d{2}:?(\d{2})$', 1), '')::INTEGER, 0) * 60)
END;
CREATE MACRO month_start(cell) AS try_cast(CASE WHEN regexp_full_match(cell, '\d{4}-\d{2}') THEN cell || '-01' END AS TIMESTAMP);
