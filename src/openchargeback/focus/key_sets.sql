-- One row is one set of tag keys that sources use. folded: the keys without case and spaces; places: the position of each
-- key among the keys of all sets; pi, project, fund: the positions of the keys of each field.
CREATE TABLE key_set (
    number INTEGER,
    keys VARCHAR[],
    folded VARCHAR[],
    places INTEGER[],
    pi INTEGER[],
    project INTEGER[],
    fund INTEGER[]
);
