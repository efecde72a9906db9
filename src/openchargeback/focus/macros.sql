-- Read the text of FOCUS cells as values; NULL if the text is not a valid one.

-- An amount of at most 15 digits before the point, exact to 18 decimals, half-up beyond (FOCUS 1.2, "Numeric Format": no plus sign, no grouping, no spaces).
CREATE MACRO amount(text) AS
    CASE
        WHEN regexp_full_match(text, '-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?')
            AND abs(try_cast(text AS DECIMAL(38, 18))) < 1000000000000000
        THEN try_cast(text AS DECIMAL(38, 18))
    END;

-- The same for a text known to be such an amount.
CREATE MACRO exact(text) AS try_cast(text AS DECIMAL(38, 18));

-- Whether such an amount may have more than 18 decimals: 19 bytes have no room for them, unless there is an exponent.
CREATE MACRO many_decimals(text) AS strlen(text) > 19 OR contains(text, 'e') OR contains(text, 'E');

-- A time in UTC (FOCUS 1.2, "Date/Time Format"), even without seconds, zone or time of day; other zones are converted.
CREATE MACRO utc(text) AS
    CASE
        WHEN regexp_full_match(
            text,
            '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?(Z|UTC|[+-](0[0-9]|1[0-4]):?[0-5][0-9]))?)?'
        )
        THEN try_cast(replace(regexp_extract(text, '^[0-9-]{10}([T ][0-9:.]+)?'), 'T', ' ') AS TIMESTAMP)
            - CASE
                WHEN regexp_matches(text, ':[0-9.]+ ?-[0-9]{2}:?[0-9]{2}$') THEN -1
                WHEN regexp_matches(text, ':[0-9.]+ ?[+][0-9]{2}:?[0-9]{2}$') THEN 1
                ELSE 0
            END * to_minutes(coalesce(
                60 * try_cast(regexp_extract(text, '[+-]([0-9]{2}):?([0-9]{2})$', 1) AS INTEGER)
                + try_cast(regexp_extract(text, '[+-]([0-9]{2}):?([0-9]{2})$', 2) AS INTEGER),
                0
            ))
    END;

-- Whether a text is a JSON object (RFC 8259). DuckDB's reader also accepts a comma after the last member, and nan and
-- inf in any case. Texts that merely look so within a string are false here, too, which is safe: a text rejected here
-- is checked again.
CREATE MACRO plain_json(text) AS
    left(text, 1) = '{' AND json_valid(text) AND NOT regexp_matches(text, ',\s*[}\]]|[:\[,]\s*-?[nNiI][aAnN]');

-- The first day that a charge covers (UTC): from ChargePeriodStart, else from the start of the billing period (a time).
CREATE MACRO first_day(start_text, period_start) AS coalesce(utc(start_text), period_start)::DATE;

-- The last day that a charge covers. Ends are exclusive (FOCUS 1.2, "ChargePeriodEnd"); whole_days: in the simple dialect,
-- a date alone is the last day itself.
CREATE MACRO last_day(end_text, first, whole_days) AS
    greatest(
        first,
        CASE
            WHEN whole_days AND strlen(end_text) = 10 THEN utc(end_text)::DATE
            ELSE coalesce((utc(end_text) - INTERVAL 1 MICROSECOND)::DATE, first)
        END
    );

-- An exact amount as text without trailing zeros, and a time in UTC as FOCUS writes it (FOCUS 1.2, "Date/Time Format").
CREATE MACRO plain(number) AS rtrim(rtrim(number::DECIMAL(38, 18)::VARCHAR, '0'), '.');
CREATE MACRO time_text(moment) AS strftime(moment::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ');
