"""Find texts on statements that no font can show, so that they are noticed before a PI sees a box instead of a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from openchargeback.billing.invoices import is_invoice
from openchargeback.characters import one_line
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, State, Statement
from openchargeback.portal.pdf_fonts import FontFile, fallback_fonts, style_fonts, without_glyph
from openchargeback.problems import Problem, Severity
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.templating.environment import make_environment

PEOPLE, PROJECTS, CONFIG = "directory/people.yaml", "directory/projects.yaml", "config.yaml"


def glyph_problems(ledger: RecordedLedger, periods: Sequence[BilledPeriod]) -> list[Problem]:
    """A warning for every text of open periods with a character that PDFs show as a box, with its first statement."""
    found: dict[tuple[str, str], list[str]] = {}
    for period in periods:
        if period.state is not State.OPEN:
            continue  # its statements stay as they are
        config = ledger.settings(period.period)
        for statement in period.statements:
            for place in dict.fromkeys(_texts(statement, config)):
                if not place[1].isascii():
                    found.setdefault(place, []).append(statement.number)
    if not found:
        return []
    fonts = _fonts(ledger)
    problems = []
    for (path, text), numbers in found.items():
        lacking = without_glyph(one_line(text), fonts)
        if lacking:
            named = ", ".join(f"{char} (U+{ord(char):04X})" for char in lacking[:5])
            more = f" and {len(numbers) - 1:,} more" if len(numbers) > 1 else ""
            problems.append(
                Problem(
                    path,
                    "no-glyph",
                    f"no font has {named} of “{text[:80]}”, so PDFs show a box: statement {numbers[0]}{more}",
                    "write it in another script, or add a font that has it to templates/fallback_fonts/",
                    severity=Severity.WARNING,
                    count=len(numbers),
                )
            )
    return problems


def lacks_glyphs(ledger: RecordedLedger, texts: Iterable[str]) -> bool:
    """Whether any of these texts has a character that PDFs show as a box."""
    return bool(without_glyph(one_line("".join(texts)), _fonts(ledger)))


def _fonts(ledger: RecordedLedger) -> tuple[FontFile, ...]:
    files = make_environment(ledger.root / "templates").files()
    return (*style_fonts(files), *fallback_fonts(files))


def _texts(statement: Statement, config: Config) -> Iterator[tuple[str, str]]:
    """The texts that a statement shows, each with the file it comes from."""
    charges = f"charges/{statement.period}"
    yield from ((CONFIG, text) for text in config.letterhead)
    if is_invoice(statement):
        yield from ((CONFIG, text) for text in config.invoice_texts)
    pi, project = statement.pi, statement.project
    yield (charges if pi.name == pi.email else PEOPLE), pi.name
    yield from ((PEOPLE, text) for text in pi.texts[1:])
    yield (charges if project.title == project.id else PROJECTS), project.title
    yield from ((charges, text) for text in (pi.email, project.id))
    for line in statement.lines:
        yield CONFIG, config.source(line.source).label
        yield CONFIG, config.source(line.source).note
        yield charges, line.service
        yield charges, line.fund
    for part in statement.resources:
        yield charges, part.resource_name
        yield charges, part.resource_id
    yield from ((charges, item.service) for item in statement.held)
    yield from ((f"approvals/{statement.period}", name) for each in statement.attributions for name in each.by)
    yield from ((charges, value) for reference in statement.references for value in (reference.name, *reference.values))
