-- Checks of one cell for the requirements of FOCUS 1.2. The argument is the text of a cell that is not null.

-- A number as FOCUS writes it: digits, at most one point, E-notation with a sign only if it is negative (NumericFormat).
CREATE OR REPLACE MACRO focus_number(text) AS
    regexp_full_match(text, '-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE]-?[0-9]+)?');

-- A number in any spelling: +5, 1e+5, with blanks around it or underscores in it. Not NaN, not an infinity.
CREATE OR REPLACE MACRO any_number(text) AS coalesce(isfinite(try_cast(text AS DOUBLE)), false);

-- A time as FOCUS writes it, YYYY-MM-DDTHH:mm:ssZ (DateTimeFormat). Most times are the start of a day, which is checked
-- faster than a pattern.
CREATE OR REPLACE MACRO focus_time(text) AS
    CASE
        WHEN strlen(text) <> 20 THEN false
        WHEN ends_with(text, 'T00:00:00Z') THEN coalesce(try_cast(left(text, 10) AS DATE)::VARCHAR = left(text, 10), false)
        ELSE regexp_full_match(text, '[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z')
            AND try_cast(left(text, 10) AS DATE) IS NOT NULL
    END;

-- Text that is not blank, without the character that programs write for bytes that are not Unicode (StringHandling,
-- NullHandling). Most text begins with a character after all blanks.
CREATE OR REPLACE MACRO sound_text(text) AS
    CASE
        WHEN contains(text, chr(65533)) THEN false
        WHEN text >= '!' THEN true
        ELSE trim(text, e' \t\r\n') <> ''
    END;

-- The code of a national currency (ISO 4217).
CREATE OR REPLACE MACRO national_currency(text) AS text IN ({currencies});

-- A national currency by its code, or the name of a virtual one (CurrencyFormat). The code of a national currency in
-- another case is neither.
CREATE OR REPLACE MACRO currency_format(text) AS
    sound_text(text) AND (national_currency(text) OR NOT national_currency(upper(trim(text))));

-- A unit such as GB, Hours, GB-Hours, GB/Hour, 1000 Requests, Units/3 Months (UnitFormat): sizes abbreviated and without
-- a plural, times in the plural except after a slash, nouns capitalized, and the nouns of the standard as it spells them.
CREATE OR REPLACE MACRO unit_format(text) AS
    regexp_full_match(
        text,
        '([1-9][0-9]* )?(b|B|[A-Z][A-Za-z0-9]*( [A-Z][A-Za-z0-9]*)*)'
        || '(-(Year|Month|Day|Hour|Minute|Second)s'
        || '|/((Year|Month|Day|Hour|Minute|Second)|[1-9][0-9]* (Year|Month|Day|Hour|Minute|Second)s))?'
    )
    AND NOT regexp_full_match(text, '([1-9][0-9]* )?(Year|Month|Day|Hour|Minute|Second)([-/].*)?')
    AND NOT regexp_matches(text, '(?i)\b(kilo|mega|giga|tera|peta|exa|kibi|mebi|gibi|tebi|pebi|exbi)?(bit|byte)s?\b')
    AND NOT regexp_matches(text, '\b[KMGTPE]i?[bB]s\b|\b[KMGTPE]I[bB]s?\b|\b[KMGTPE]BS\b')
    AND NOT regexp_matches(
        regexp_replace(text, '\b(Year|Month|Day|Hour|Minute|Second|Count|Unit|Request|Token|Connection|Certificate|Domain|Core)s?\b', '', 'g'),
        '(?i)\b(Year|Month|Day|Hour|Minute|Second|Count|Unit|Request|Token|Connection|Certificate|Domain|Core)s?\b'
    );

-- A JSON object (ECMA 404). Within strings, what looks like a fault is none, so they are emptied before a second look.
CREATE OR REPLACE MACRO json_object_text(text) AS
    plain_json(trim(text, e' \t\r\n'))
    OR (json_valid(text) AND plain_json(regexp_replace(trim(text, e' \t\r\n'), '"([^"\\]|\\.)*"', '""', 'g')));

-- A flat JSON object with unique keys (KeyValueFormat).
CREATE OR REPLACE MACRO key_value_format(text) AS
    CASE
        WHEN NOT json_object_text(text) THEN false
        WHEN doubled_keys(trim(text, e' \t\r\n')) THEN false
        ELSE len(list_filter(json_extract(text, '$.*'), lambda value: json_type(value) IN ('OBJECT', 'ARRAY'))) = 0
    END;
