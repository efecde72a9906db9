-- One row of book_line is a line of a statement with charges of its own period, if the line is posted. number: its place
-- in the statement; billed: in units of the currency (cents); covered: whether its charges, as summed here, come to that.
CREATE OR REPLACE TABLE book_line (
    invoice VARCHAR,
    number INTEGER,
    pi VARCHAR,
    pi_name VARCHAR,
    project VARCHAR,
    project_title VARCHAR,
    fund VARCHAR,
    source VARCHAR,
    source_label VARCHAR,
    service VARCHAR,
    entry VARCHAR,
    reference VARCHAR,
    credit_note VARCHAR,
    billed HUGEINT,
    covered BOOLEAN
);

-- One row of book_entry is something in a line of a statement that is not a charge in the files of its period: a charge of
-- an earlier period, or the charges of a kind whose cents cannot be told apart. starts, ends: the days it is for, the last
-- one excluded.
CREATE OR REPLACE TABLE book_entry (
    invoice VARCHAR,
    number INTEGER,
    pi VARCHAR,
    pi_name VARCHAR,
    project VARCHAR,
    project_title VARCHAR,
    fund VARCHAR,
    source VARCHAR,
    source_label VARCHAR,
    service VARCHAR,
    entry VARCHAR,
    reference VARCHAR,
    credit_note VARCHAR,
    line_kind VARCHAR,
    charge VARCHAR,
    cents DECIMAL(32, {places}),
    exact_list DECIMAL(38, 18),
    exact_billed DECIMAL(38, 18),
    charge_category VARCHAR,
    charge_class VARCHAR,
    description VARCHAR,
    starts DATE,
    ends DATE
);
