"""Times of sacct in every form that says when it was: seconds since 1970, and times with an offset."""

from __future__ import annotations

import pytest
from sacct import ONE, Case, export, record

TIMES = ("2025-01-02T08:00:00", "2025-01-02T08:00:05", "2025-01-02T09:00:05")
FORMS = {
    "%s": ("1735804800", "1735804805", "1735808405"),
    "%FT%TZ": tuple(f"{each}Z" for each in TIMES),
    "%FT%T%z, east": ("2025-01-02T09:00:00+0100", "2025-01-02T09:00:05+0100", "2025-01-02T10:00:05+0100"),
    "%FT%T%z, west": ("2025-01-02T02:30:00-0530", "2025-01-02T02:30:05-0530", "2025-01-02T03:30:05-0530"),
    "%FT%T%:z": ("2025-01-02T17:00:00+09:00", "2025-01-02T17:00:05+09:00", "2025-01-02T18:00:05+09:00"),
    "an offset in hours": ("2025-01-02T09:00:00+01", "2025-01-02T09:00:05+01", "2025-01-02T10:00:05+01"),
}


def cells(form: str) -> dict[str, str]:
    return dict(zip(("Submit", "Start", "End"), FORMS[form], strict=True))


@pytest.mark.parametrize("zone", ["", "America/Chicago"])
def test_times_that_say_when_they_are_need_no_zone(case: Case, zone: str) -> None:
    """The output is that of an export in UTC, byte for byte."""
    case.rows(export(ONE))
    expected = case.output.read_bytes()
    case.set(timezone=zone) if zone else case.config.pop("timezone")
    for form in FORMS:
        case.rows(export(record(**cells(form))))
        assert case.output.read_bytes() == expected, form


def test_a_job_is_the_same_in_every_form(case: Case) -> None:
    """Its identity does not depend on how an export writes its submission."""
    case.expected |= {"usage-repeated"}
    done, problems = case.run(export(ONE, *(record(**cells(form)) for form in FORMS)))
    assert done is not None, problems
    assert done.left_out == {"identical to another record": len(FORMS)}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1735804805", TIMES[2]),
        (TIMES[1], "2025-01-02T09:00:05Z"),
        ("2025-01-02T08:00:05 CET", "2025-01-02T09:00:05 CET"),
        ("2025-01-02T08:00:05+2500", "2025-01-02T09:00:05+2500"),
        ("2025-01-02T08:00:05+01:60", "2025-01-02T09:00:05+01:60"),
        ("17358048050", "17358084050"),
    ],
)
def test_times_that_do_not_say_when_they_are_are_refused(case: Case, start: str, end: str) -> None:
    """Two forms in one record, zones by name, offsets and numbers that cannot be."""
    done, problems = case.run(export(record(Start=start, End=end)))
    assert done is None
    assert {each.code for each in problems} == {"usage-time"}
