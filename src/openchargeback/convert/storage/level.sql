-- level: one row per record of the listings: a figure of a path at a moment. day: the start of its UTC day, in seconds
-- since 1970. moment: orders the samples of a day. node: the path as nesting reads it. own: the figure is without what is
-- below. series: what the names of the samples of its system begin with. bytes: NULL if there is no limit.
CREATE TABLE level (
    n BIGINT, file INTEGER, line BIGINT, day BIGINT, moment VARCHAR, system VARCHAR, path VARCHAR, node VARCHAR,
    owner VARCHAR, person VARCHAR, account VARCHAR, tier VARCHAR, skipped BOOLEAN, own BOOLEAN, object BOOLEAN,
    series VARCHAR, bytes HUGEINT
);
CREATE TABLE stretch (system VARCHAR, series VARCHAR, day BIGINT, starts BIGINT, ends BIGINT);
