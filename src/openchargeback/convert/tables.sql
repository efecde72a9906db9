-- What a kind fills. Instants are whole seconds since 1970 in UTC; an interval has its start and not its end.
-- label: one row per distinct combination of who used what, with an id from 1; what a kind does not know is NULL.
--   person is NULL unless the settings keep users or name owners by user.
-- usage: one row per record and meter: an amount, in base units of the meter times seconds (such as cpu-seconds), used
--   evenly over an interval that is not empty. n numbers the records in the order of the inputs, from 0; variant tells
--   sorts of a meter apart, such as GPU models, and is empty if there is one.
-- divisor: one row per label and meter whose amount is divided before pricing (hardware threads that make one core).
-- reduction: one row per label with a subsidy of its own: percent of the list price, in place of the rate's.
-- detail: one row per tier whose SKU has properties: a JSON object for SkuPriceDetails (FOCUS 1.2).
-- given: one row per record and meter whose cost the record states: cost and list (NULL if unknown) in 10^-18 of the
--   currency, price of one unit (NULL if unknown). Its `usage.amount` may be 0.
-- label_detail: one row per label of which more is known: the resource, tags (a JSON object, NULL for none), and an owner,
--   who pays if neither the settings nor the directory name one; NULL for what is not known.
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
CREATE TABLE given (
    n BIGINT, meter VARCHAR, variant VARCHAR, cost HUGEINT, list HUGEINT, price DECIMAL(24, 9)
);
CREATE TABLE label_detail (
    label INTEGER, resource VARCHAR, resource_name VARCHAR, tags VARCHAR, pi VARCHAR, project VARCHAR, fund VARCHAR
);
