"""Make every message of a run before the first one leaves: a fault in a template or a PDF then stops all of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openchargeback.characters import one_line
from openchargeback.deliver.letters import Desk, copies_of, copy_words, letter_of
from openchargeback.deliver.logo import png_of
from openchargeback.deliver.mime import ENCODED, Attachment, Content, address_fault, message_bytes
from openchargeback.deliver.parcels import Message, Part
from openchargeback.deliver.sending import Prepared
from openchargeback.files.writing import TEMPORARY, ignore_all, outside
from openchargeback.ledger.deliveries import Delivery
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import Config, EmailSettings
from openchargeback.model import BilledPeriod
from openchargeback.portal.paths import statement_name, statement_pdf
from openchargeback.portal.shell import whom_to_ask
from openchargeback.portal.statements import statement_histories
from openchargeback.portal.theme import accents
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault
from openchargeback.publish.books import AllBooks, Step, no_step, open_cache
from openchargeback.publish.build import pdfs_of
from openchargeback.publish.pdf_run import kept_or_rendered
from openchargeback.publish.secrets import Secrets, secrets_of
from openchargeback.templating.environment import Templates, make_environment
from openchargeback.wording import listed

MEGABYTE = 1_000_000
_NAMED = 3
_REMOTE = re.compile(
    r"""<(?:link|script|iframe|object|embed|base)\b|\b(?:src|background|srcset)\s*=\s*["']?(?!cid:|data:)[^"'\s>]"""
    r"""|url\(\s*["']?(?!cid:|data:|#)|@import""",
    re.IGNORECASE,
)


@contextmanager
def workbench(root: Path) -> Iterator[Path]:
    """A folder for messages that are being sent, in the ledger's cache: it has what the ledger has, and is removed."""
    folder = root / CACHE / f"outgoing{TEMPORARY}"
    try:
        ignore_all(root / CACHE)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as fault:
        raise outside(folder, fault) from fault
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def email_of(ledger: Ledger) -> EmailSettings:
    """How the ledger sends mail, by its own settings and those of this machine."""
    return ledger.local.email.over(ledger.config.email)


def desk_of(books: AllBooks, period: BilledPeriod) -> Desk:
    """What the messages of a month share."""
    return Desk(
        period=period,
        config=books.ledger.settings(period.period),
        email=email_of(books.ledger),
        histories=statement_histories(books.periods),
        has_logo=logo_of(books.ledger) is not None,
    )


def logo_of(ledger: Ledger) -> bytes | None:
    """The logo for messages, a PNG; None if there is none."""
    return png_of(ledger.logo.data) if ledger.logo else None


def logo_note(ledger: Ledger) -> str:
    """Why messages have no logo although there is one; empty if they have it."""
    if ledger.logo is None or logo_of(ledger):
        return ""
    return f"messages have no logo, since {ledger.config.organization.logo} cannot be drawn; use a simpler SVG or a PNG"


@dataclass(frozen=True, slots=True)
class Studio:
    """Renders messages: the templates, the settings they see, the logo, the secrets that none may contain."""

    env: Templates
    config: Config
    email: EmailSettings
    logo: bytes | None
    secrets: Secrets

    @classmethod
    def of(cls, ledger: Ledger, config: Config) -> Studio:
        """The studio of a ledger. config: the settings that the month is shown with."""
        root = ledger.root
        env = make_environment(root / "templates")
        return cls(env, config, email_of(ledger), logo_of(ledger), secrets_of(root))

    def content(
        self,
        template: str,
        delivery: Delivery,
        letter: object,
        subject: str,
        *,
        name: str = "",
        attachments: Sequence[Attachment] = (),
        answers: bool = False,
    ) -> bytes:
        """The bytes of a message, without its Date, from `email/<template>.html` and `.txt`.

        Raises LedgerFault for a fault in a template, a secret in the text, or anything that would be loaded.
        """
        light, dark = accents(self.config.portal.accent)
        values = {"letter": letter, "currency": self.config.currency, "colors": {"light": light, "dark": dark}}
        html = self.env.render_page(f"email/{template}.html", **values)
        text = self.env.for_text.render_page(f"email/{template}.txt", **values)
        self._refuse(template, html, text)
        organization = self.config.organization
        return message_bytes(
            Content(
                id=delivery.id,
                sender=self.email.sender or "billing@openchargeback.invalid",
                sender_name=one_line(self.email.sender_name or organization.unit or organization.name),
                to=delivery.to,
                name=one_line(name),
                reply_to=self.email.reply_to or whom_to_ask(self.config)[1],
                subject=one_line(subject),
                text=text,
                html=html,
                logo=self.logo,
                attachments=attachments,
                answers=answers,
            )
        )

    def _refuse(self, template: str, html: str, text: str) -> None:
        path = f"templates/email/{template}.html"
        self.secrets.refuse_in([(path, html.encode()), (path.replace(".html", ".txt"), text.encode())])
        if found := _REMOTE.search(html):
            line = html.count("\n", 0, found.start()) + 1
            what = f"the email would load something from elsewhere, on line {line} of the result: {found[0][:40]}"
            fix = "remove it; emails may only show the logo, as cid:logo@openchargeback"
            raise LedgerFault([Problem(path, "template-fault", what, fix)])


def prepare(
    books: AllBooks, desk: Desk, messages: Sequence[Message], folder: Path, step: Step = no_step
) -> list[Prepared]:
    """Write each message to a file of the folder. Raises LedgerFault as `Studio.content` does: nothing is sent then."""
    studio = Studio.of(books.ledger, desk.config)
    attached = desk.email.attach == "pdf"
    wanted = [part for message in messages for part in message.parcel.parts] if attached else []
    pdfs = spool_pdfs(books, desk.period, wanted, folder, studio.secrets, step)
    copies = copies_of(messages)
    prepared = []
    for number, message in enumerate(messages):
        step("Writing messages", number, len(messages))
        delivery = message.delivery
        file = folder / f"{number:06}.eml"
        if not address_fault(delivery.to):
            statements = [part for part in message.parcel.parts if part.statement]
            own = _attachments(statements, pdfs, desk.email) if attached else []
            if statements and not own:
                _can_link(desk, delivery.to)
            letter = letter_of(message, desk, attached=len(own), copies=copy_words(message, copies))
            content = studio.content(
                "statements", delivery, letter, letter.subject, name=message.parcel.name, attachments=own
            )
            _write(file, content)
        prepared.append(Prepared(delivery, file))
    return prepared


def _can_link(desk: Desk, to: str) -> None:
    """Raises UsageFault if a message should link to its statements, and there is no portal to link to."""
    if desk.email.attach == "none" or desk.config.portal.url:
        return
    if desk.email.attach == "link":
        why, instead = "`email.attach` is link", "write `attach: pdf` or `attach: none`"
    else:
        limit = f"`email.max_size` ({desk.email.max_size} MB)"
        why, instead = f"the statements for {to} are larger than {limit}", "allow larger messages"
    raise UsageFault(f"{why}, and there is no portal to link to; set `portal.url`, or {instead}")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as fault:
        raise outside(file, fault) from fault


def spool_pdfs(
    books: AllBooks, period: BilledPeriod, parts: Iterable[Part], folder: Path, secrets: Secrets, step: Step = no_step
) -> dict[str, Path]:
    """The PDFs of statements as files, by number; rendered unless the cache has them, a few at a time."""
    paths = {statement_pdf(part.statement): part.number for part in parts if part.statement}
    if not paths:
        return {}
    plans = [plan for plan in pdfs_of(books, period.period) if plan.path in paths]
    secrets.refuse_in_statements(plans)
    found = {}
    for path, data in kept_or_rendered(plans, open_cache(books.ledger.root), step):
        file = folder / f"{paths[path]}.pdf"
        _write(file, data)
        found[paths[path]] = file
    if missing := sorted({*paths.values()} - {*found}):
        raise OutsideFault(f"there is no PDF of {listed(missing, _NAMED)}, so nothing was sent; run this again")
    return found


def _attachments(parts: Iterable[Part], pdfs: Mapping[str, Path], email: EmailSettings) -> list[Attachment]:
    """The PDFs of a message; none if it would be larger than the settings allow."""
    files = [(part.statement, pdfs[part.number]) for part in parts if part.statement]
    if sum(file.stat().st_size for _, file in files) * ENCODED > email.max_size * MEGABYTE:
        return []
    return [Attachment(f"{statement_name(statement)}.pdf", file.read_bytes()) for statement, file in files]
