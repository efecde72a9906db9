-- One row of `charge` is one charge of the period: a row of a charge file, its cells read as values (charges.sql).
CREATE TABLE charge (
    n BIGINT,
    file INTEGER,
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

-- One row of `charge_file` is one charge file. first: the n of its first charge; whole_days: whether its dates are whole
-- days, as in the simple dialect.
CREATE TABLE charge_file (file INTEGER, path VARCHAR, first BIGINT, whole_days BOOLEAN);
