-- What a kind fills. Instants are whole seconds since 1970 in UTC; an interval has its start and not its end.
-- label: one row per distinct combination of who used what, with an id from 1; what a kind does not know is NULL.
--   person is NULL unless the settings keep users or name owners by user.
-- usage: one row per record and meter: an amount, in base units of the meter times seconds (such as cpu-seconds), used
--   evenly over an interval that is not empty. n numbers the records in the order of the inputs, from 0; variant tells
--   sorts of a meter apart, such as GPU models, and is empty if there is one.
-- divisor: one row per label and meter whose amount is divided before pricing (hardware threads that make one core).
-- reduction: one row per label with a subsidy of its own: percent of the list price, in place of the rate's.
-- detail: one row per tier whose SKU has properties: a JSON object for SkuPriceDetails (FOCUS 1.2).
-- A kind also creates a table or view `record`, one row per n: file, line (its place in the input), identity (UBIGINT,
--   the same for the same thing in every export), resource (its id as people know it), state.
CREATE TABLE label (
    id INTEGER, cluster VARCHAR, partition VARCHAR, qos VARCHAR, tier VARCHAR, account VARCHAR, person VARCHAR
);
CREATE TABLE usage (
    n BIGINT, starts BIGINT, ends BIGINT, label INTEGER, meter VARCHAR, variant VARCHAR, amount HUGEINT
);
CREATE TABLE divisor (label INTEGER, meter VARCHAR, divisor INTEGER);
CREATE TABLE reduction (label INTEGER, percent DECIMAL(5, 2));
CREATE TABLE detail (tier VARCHAR, details VARCHAR);
