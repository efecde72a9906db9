-- One row per statement: the rows of its `charges.csv` for the month's own charges, as text with a line end after each.
-- Texts are cells as they are, except those in odd_cell. {unit}: the minor unit of the currency, as a decimal with all of
-- its places. `lines`: those wanted. `covering`, `posting`: the sources whose discount is the institution's, and those
-- that post.
SELECT
    period,
    pi,
    project,
    string_agg(cells, '' ORDER BY line, resource, first_day, charge) AS cells
FROM (
    SELECT
        line.period,
        line.pi,
        line.project,
        line.id AS line,
        resource.id AS resource,
        usage.first_day,
        part.charge,
        concat(
            left(part.charge, 16), ',own,,,',
            CASE WHEN list_contains($posting, line.source) THEN 'yes' ELSE 'no' END, ',',
            coalesce(fund.cell, line.fund), ',',
            coalesce(source.cell, line.source), ',',
            coalesce(service.cell, line.service), ',',
            resource.kind, ',',
            coalesce(resource_id.cell, resource.resource_id), ',',
            coalesce(resource_name.cell, resource.resource_name), ',',
            coalesce(person.cell, usage.person), ',',
            usage.first_day::VARCHAR, ',',
            usage.last_day::VARCHAR, ',',
            exact_text(usage.quantity), ',',
            coalesce(unit.cell, usage.unit), ',',
            exact_text(usage.list_unit_price), ',',
            exact_text(usage.contracted_unit_price), ',',
            cents_text(share.billed + share.discount), ',',
            cents_text(share.discount), ',',
            cents_text(CASE WHEN list_contains($covering, line.source) THEN share.discount ELSE 0 END), ',',
            cents_text(share.billed), ',',
            exact_text(part.exact_list), ',',
            exact_text(part.exact_billed), ',',
            $currency, $line_end
        ) AS cells
    FROM charge_part AS part
    JOIN charge_share AS share ON share.id = part.id
    JOIN resource ON resource.id = part.parent
    JOIN line ON line.id = resource.parent
    SEMI JOIN (SELECT unnest($lines) AS id) AS wanted ON wanted.id = line.id
    JOIN charge_usage AS usage ON usage.n = part.n
    LEFT JOIN odd_cell AS fund ON fund.text = line.fund
    LEFT JOIN odd_cell AS source ON source.text = line.source
    LEFT JOIN odd_cell AS service ON service.text = line.service
    LEFT JOIN odd_cell AS resource_id ON resource_id.text = resource.resource_id
    LEFT JOIN odd_cell AS resource_name ON resource_name.text = resource.resource_name
    LEFT JOIN odd_cell AS unit ON unit.text = usage.unit
    LEFT JOIN odd_cell AS person ON person.text = usage.person
) AS charge
GROUP BY period, pi, project
