-- Macros that cut usage at instants, and how values are written.
-- used_before: how much of an amount is used before an instant, if it is used evenly from starts to ends. It is rounded
--   down, and a part is the difference of two of these, so that the parts of any division add up to the amount.
-- used_within: the part of it within a span that the interval touches. 64 bits are enough for most, and much faster.
-- held_within: the same of a level times a factor; a level that was held all the time needs no division.
-- quantity_of: an amount in units of base, to nine decimals, rounded half up.
-- counted: the unit of a price without its number, such as Tokens. consumed: how many of them an amount is.
-- money: an amount given in 10^-18 of a currency. trimmed: a decimal as text, without zeros at the end. as_time: an instant as FOCUS writes it.
-- cell: a text as a cell of CSV, as DuckDB writes it: quoted if it is empty or has a comma, quote or line end.
CREATE MACRO used_before(amount, starts, ends, instant) AS CASE
    WHEN instant <= starts THEN 0
    WHEN instant >= ends THEN amount
    ELSE amount * (instant - starts) // (ends - starts)
END;
CREATE MACRO used_within(amount, starts, ends, since, until) AS CASE
    WHEN starts >= since AND ends <= until THEN amount
    WHEN amount < 100000000000 AND ends - starts < 90000000
        THEN used_before(amount::BIGINT, starts, ends, until) - used_before(amount::BIGINT, starts, ends, since)
    ELSE used_before(amount, starts::HUGEINT, ends::HUGEINT, until::HUGEINT)
        - used_before(amount, starts::HUGEINT, ends::HUGEINT, since::HUGEINT)
END;
CREATE MACRO held_within(level, factor, starts, ends, since, until) AS CASE
    WHEN factor = ends - starts THEN level * (least(ends, until) - greatest(starts, since))
    ELSE used_within(level::HUGEINT * factor, starts, ends, since, until)
END;
CREATE MACRO quantity_of(amount, base) AS
    (((amount * 2000000000 + base) // (base * 2))::DECIMAL(29, 0) * 0.000000001)::DECIMAL(29, 9);
CREATE MACRO money(number) AS (number // 1000000000000000000)::DECIMAL(38, 18)
    + (number % 1000000000000000000)::DECIMAL(19, 0) * 0.000000001 * 0.000000001;
CREATE MACRO trimmed(number) AS regexp_replace(number::VARCHAR, '\.?0+$', '');
CREATE MACRO as_time(instant) AS strftime(make_timestamp(instant * 1000000), '%Y-%m-%dT%H:%M:%SZ');
CREATE MACRO counted(unit) AS regexp_replace(unit, '^\d+ ', '');
CREATE MACRO consumed(amount, base, unit) AS trimmed(
    ((amount * 2000000000 * coalesce(nullif(regexp_extract(unit, '^(\d+) ', 1), ''), '1')::HUGEINT + base) // (base * 2))
        ::DECIMAL(29, 0) * 0.000000001
);
CREATE MACRO cell(text) AS CASE
    WHEN text IS NULL THEN ''
    WHEN text = '' OR regexp_matches(text, '[",#\r\n]') THEN concat('"', replace(text, '"', '""'), '"')
    ELSE text
END;
