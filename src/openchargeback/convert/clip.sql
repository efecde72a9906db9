-- Macros that cut usage at instants. seconds: whole seconds from one instant to another.
-- before_instant: how much of an amount is used before an instant, if it is used evenly from starts to ends. It is rounded
-- down, and a part is the difference of two of these, so that the parts of any division add up to the amount.
-- span_from, span_to: the numbers of the first and last span that an interval touches; spans begin at midnight.
-- trimmed: a decimal as text, without zeros at the end.
CREATE MACRO seconds(since, until) AS (epoch(until) - epoch(since))::HUGEINT;
CREATE MACRO before_instant(amount, starts, ends, instant) AS CASE
    WHEN instant <= starts THEN 0::HUGEINT
    WHEN instant >= ends THEN amount
    ELSE amount * seconds(starts, instant) // seconds(starts, ends)
END;
CREATE MACRO span_on(instant) AS ({span_of_day})[date_diff('day', {first}, instant) + 1];
CREATE MACRO trimmed(number) AS rtrim(rtrim(number::VARCHAR, '0'), '.');
