-- One row is one set of tag keys that sources have. folded: the keys without case and blanks; places: where each key is
-- among the keys of all sets; pi, project, fund: the places of the keys of each field.
CREATE TABLE key_set (
    number INTEGER,
    keys VARCHAR[],
    folded VARCHAR[],
    places INTEGER[],
    pi INTEGER[],
    project INTEGER[],
    fund INTEGER[]
);
