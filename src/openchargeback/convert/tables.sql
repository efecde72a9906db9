-- What a kind fills. Times are UTC; an interval has its start and not its end.
-- label: one row per distinct combination of who used what, with an id from 1; what a kind does not know is NULL.
--   person is NULL unless the settings keep users or name owners by user.
-- usage: one row per record and meter: an amount, in whole base units of the meter times seconds (such as cpu-seconds),
--   used evenly over an interval of whole seconds. n numbers the records in the order of the inputs; identity tells
--   records apart for good; line is the place in the file (0 if it has no lines); resource is the record's own id;
--   variant tells sorts of a meter apart, such as GPU models, and is empty if there is one.
-- divisor: one row per label and meter whose amount is divided before pricing (hardware threads that make one core).
CREATE TABLE label (
    id INTEGER, cluster VARCHAR, partition VARCHAR, qos VARCHAR, tier VARCHAR, account VARCHAR, person VARCHAR
);
CREATE TABLE usage (
    n BIGINT, file INTEGER, line BIGINT, identity HUGEINT, starts TIMESTAMP, ends TIMESTAMP, label INTEGER,
    meter VARCHAR, variant VARCHAR, amount HUGEINT, resource VARCHAR, state VARCHAR
);
CREATE TABLE divisor (label INTEGER, meter VARCHAR, divisor INTEGER);
