-- Checks of one or two cells for the rules across columns (rules.toml). All arguments are texts of cells; NULL gives NULL
-- or false. Each macro decides the common case from the text alone and reads a value only if that is not enough.

-- Whether a number is 0, however it is spelled.
-- From '0.1' to '0.9…' (':' follows '9'), there is a digit other than 0.
CREATE OR REPLACE MACRO zero(text) AS
    CASE
        WHEN text >= '1' THEN false
        WHEN text >= '0.1' AND text < '0.:' THEN false
        ELSE regexp_full_match(text, '-?0*\.?0*([eE].*)?')
    END;

-- Whether a number is below 0.
CREATE OR REPLACE MACRO negative(text) AS CASE WHEN text >= '.' THEN false ELSE starts_with(text, '-') AND NOT zero(text) END;

-- Whether a cost differs from unit price times quantity.
-- FOCUS defines no tolerance. Ours: a cent, or a ten-thousandth of the cost if that is more, because exports round unit
-- prices to four or five digits. Floats only filter: their error is far below the gap between 0.009 and 0.01 (or the cost
-- is so large that its ten-thousandth is far more), and whatever they cannot clear is computed exactly. Prices are taken
-- to 14 decimals and quantities to 8; the rest is below the tolerance. TRY: a product too large for DECIMAL gives NULL,
-- and the row passes.
CREATE OR REPLACE MACRO not_product(cost, price, quantity) AS
    CASE
        WHEN cost IS NULL OR price IS NULL OR quantity IS NULL THEN false
        WHEN abs(try_cast(cost AS DOUBLE) - try_cast(price AS DOUBLE) * try_cast(quantity AS DOUBLE)) <= 0.009 THEN false
        ELSE coalesce(
            TRY(
                abs(amount(cost) - try_cast(price AS DECIMAL(28, 14)) * try_cast(quantity AS DECIMAL(24, 8)))
                > greatest(0.01, abs(amount(cost)) / 10000)
            ),
            false
        )
    END;

-- Whether a span ends before it starts, or (if times are given) exactly when it starts. A date alone, as an end, is a whole
-- day. Texts of the same form (same separator, seconds and zone) compare like the times they represent.
CREATE OR REPLACE MACRO ends_too_early(start_text, end_text) AS
    CASE
        WHEN start_text IS NULL OR end_text IS NULL THEN false
        WHEN strlen(start_text) = 10 AND strlen(end_text) = 10 THEN end_text < start_text
        WHEN end_text > start_text
            AND substr(end_text, 11, 1) = substr(start_text, 11, 1)
            AND substr(end_text, 17) = substr(start_text, 17)
        THEN false
        WHEN strlen(end_text) = 10 THEN coalesce(utc(end_text) < date_trunc('day', utc(start_text)), false)
        ELSE coalesce(utc(end_text) <= utc(start_text), false)
    END;

-- Whether a date-time is written with a space or without its zone; a date alone is neither.
CREATE OR REPLACE MACRO loosely_written(text) AS
    CASE
        WHEN strlen(text) <= 10 THEN false
        WHEN ends_with(text, 'Z') AND substr(text, 11, 1) = 'T' THEN contains(text, ' ')
        WHEN regexp_full_match(text, '.{10}T[^ ]+[+-](0[0-9]|1[0-4]):?[0-5][0-9]') THEN false
        ELSE utc(text) IS NOT NULL
    END;

-- Whether a value is an allowed one except for its case.
CREATE OR REPLACE MACRO other_case(text, allowed) AS
    NOT list_contains(allowed, text) AND list_contains(list_transform(allowed, lambda word: lower(word)), lower(text));

-- Whether a JSON object has a duplicate key.
CREATE OR REPLACE MACRO doubled_keys(text) AS
    CASE
        WHEN left(text, 1) = '{' AND json_valid(text) THEN len(list_distinct(json_keys(text))) <> len(json_keys(text))
        ELSE false
    END;
