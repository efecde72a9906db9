-- piece: one row per record and meter: how much of what over which interval (seconds since 1970, UTC, half-open).
CREATE TABLE piece (
    n BIGINT, file INTEGER, line BIGINT, identity VARCHAR, resource VARCHAR, account VARCHAR, tier VARCHAR, person VARCHAR,
    subsidy DECIMAL(5, 2), meter VARCHAR, variant VARCHAR, starts BIGINT, ends BIGINT, amount HUGEINT
);
