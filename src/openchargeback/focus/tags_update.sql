-- One row of `given` is one text of tags that is not plain, as tags.py reads it.
UPDATE tag
SET pi = given.pi, project = given.project, fund = given.fund, malformed = given.malformed, fault = given.fault
FROM (
    SELECT
        unnest($ids::BIGINT[]) AS id,
        unnest($pi::VARCHAR[]) AS pi,
        unnest($project::VARCHAR[]) AS project,
        unnest($fund::VARCHAR[]) AS fund,
        unnest($malformed::BOOLEAN[]) AS malformed,
        unnest($fault::VARCHAR[]) AS fault
) AS given
WHERE given.id = tag.id
