-- One row of `charge_file` is one charge file. part: the number of its table; shift: n of a charge less its rowid there;
-- first: the n of its first charge; key_set: the tag keys that its source uses; whole_days: whether its dates are whole
-- days, as in the simple dialect.
CREATE TABLE charge_file (
    file INTEGER,
    part INTEGER,
    period VARCHAR,
    source VARCHAR,
    path VARCHAR,
    first BIGINT,
    shift BIGINT,
    key_set INTEGER,
    whole_days BOOLEAN
);

-- One row of `charge` is one charge: a row of a charge file, its cells read as values (charges.sql).
CREATE TABLE charge (
    n BIGINT,
    file INTEGER,
    period VARCHAR,
    source VARCHAR,
    period_start TIMESTAMP,
    cost DECIMAL(38, 18),
    list DECIMAL(38, 18),
    currency VARCHAR,
    category VARCHAR,
    kind VARCHAR,
    service VARCHAR,
    tag BIGINT
);
