-- What is held, as in `held`, but for what the records give a cost for.
SELECT * FROM held
ANTI JOIN (
    SELECT given.n, item.id AS holding FROM given JOIN held_item AS item ON item.meter = given.meter AND item.variant = given.variant
) AS priced USING (n, holding)
