"""The checks of a converter, on its own example config and example input: `convert --check`."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from openchargeback.convert.config import ConfigFile, read_config
from openchargeback.convert.conversion import Conversion, Request, convert, usage_months
from openchargeback.convert.example import example_config
from openchargeback.convert.kinds import Kind
from openchargeback.focus.database import database
from openchargeback.focus.reading import check as check_charges
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization
from openchargeback.problems import OutsideFault, Problem, Severity, UsageFault, has_errors

_MONTHS_MOST = 24


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that was made. message: what was seen, or what is wrong if it has not passed."""

    name: str
    passed: bool
    message: str = ""


class _Failed(Exception):
    """What is wrong."""


def kind_at(place: str) -> Kind:
    """The kind of `MODULE` or `MODULE:ATTRIBUTE`. Raises UsageFault if there is none, or not just one."""
    module, _, attribute = place.partition(":")
    try:
        found = import_module(module)
    except ImportError as error:
        raise UsageFault(f"{module} cannot be imported ({error}): install the package first") from error
    kinds = {name: each for name, each in vars(found).items() if isinstance(each, Kind)}
    if attribute:
        if attribute not in kinds:
            raise UsageFault(f"{module} has no converter {attribute}: it has {', '.join(sorted(kinds)) or 'none'}")
        return kinds[attribute]
    if len(kinds) != 1:
        raise UsageFault(f"{module} has {len(kinds)} converters: name one, as in {module}:NAME")
    return next(iter(kinds.values()))


def check(kind: Kind) -> list[Checked]:
    """Every check, in order. Those after the first two need both to have passed."""
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        case = _Case(kind, Path(folder))
        done = [_made("the example config is read", case.read_config)]
        if done[-1].passed:
            done.append(_made("the example input converts", case.convert_sample))
        if not all(each.passed for each in done):
            return done
        return done + [_made(name, method) for name, method in case.further]


def problems(kind: Kind, place: str, checks: Sequence[Checked]) -> list[Problem]:
    """The checks that failed, as problems."""
    fix = "docs/IMPLEMENTATION-GUIDE-TEMPLATE.md says what a converter must do"
    return [
        Problem(place, "converter-fault", f"{kind.name}: {each.name}: {each.message}", fix)
        for each in checks
        if not each.passed
    ]


def converted(kind: Kind, folder: Path, period: str) -> Path:
    """The charges of the example input for a month: a CSV file in the folder."""
    case = _Case(kind, folder)
    case.read_config()
    case.run([case.sample], period)
    return case.output


def _made(name: str, method: Callable[[], str]) -> Checked:
    try:
        return Checked(name, passed=True, message=method())
    except (_Failed, UsageFault, OutsideFault) as error:
        return Checked(name, passed=False, message=str(error))
    except Exception as error:  # noqa: BLE001 - the converter of another package may raise anything
        return Checked(name, passed=False, message=f"it raised {type(error).__name__}: {str(error)[:300]}")


class _Case:
    """A folder with the example config and the example input of a kind."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self.sample = folder / "sample.txt"
        self._other = folder / "other.txt"
        self.output = folder / "charges.csv"
        self._config_path = folder / "config.yaml"
        self._config: ConfigFile | None = None
        self._months: list[str] = []
        self.further = (
            ("the charges are valid, without a warning", self._valid),
            ("months add up to the whole", self._conserved),
            ("the same input gives the same bytes", self._same_bytes),
            ("an empty input is a problem", self._empty),
            ("a cut input is a problem", self._cut),
            ("the same input twice is not billed twice", self._doubled),
        )

    def read_config(self) -> str:
        """Read the config that `--example-config` prints."""
        self._config_path.write_text(example_config(self._kind), encoding="utf-8")
        self._config, found = read_config(self._kind, self._config_path)
        if self._config is None or found:
            raise _Failed(_words(found))
        return f"{len(self._config.settings.rates)} rates"

    def convert_sample(self) -> str:
        """Convert the example input, month by month."""
        if not self._kind.sample.strip():
            raise _Failed("the kind has no example input: set `sample`")
        self.sample.write_text(self._kind.sample, encoding="utf-8", newline="")
        self._months = usage_months(self._request([self.sample], ""))
        if not 0 < len(self._months) <= _MONTHS_MOST:
            raise _Failed(f"the example input has usage in {len(self._months)} months: give it one to {_MONTHS_MOST}")
        charges = sum(self.run([self.sample], month).rows for month in self._months)
        if not charges:
            raise _Failed("it makes no charge")
        return f"{charges} charges in {', '.join(self._months)}"

    def _request(self, inputs: Sequence[Path], period: str) -> Request:
        if self._config is None:
            raise _Failed("the example config cannot be read")
        return Request(self._kind, inputs, self._config, period)

    def run(self, inputs: Sequence[Path], period: str) -> Conversion:
        """Convert inputs that have no fault."""
        self.output.unlink(missing_ok=True)
        if not self.sample.exists():
            self.sample.write_text(self._kind.sample, encoding="utf-8", newline="")
        done, found = convert(self._request(inputs, period), self.output)
        if done is None:
            raise _Failed(_words(found))
        return done

    def _valid(self) -> str:
        for month in self._months:
            self.run([self.sample], month)
            if found := _faults_of(self.output, month):
                raise _Failed(f"in {month}: {_words(found)}")
        return ""

    def _conserved(self) -> str:
        """What all months hold is what the records hold; conversion has compared rows and records within each."""
        wholes, sums = {}, dict.fromkeys((meter.name for meter in self._kind.meters), 0)
        for month in self._months:
            for each in self.run([self.sample], month).meters:
                wholes[each.meter] = each.whole
                sums[each.meter] = sums.get(each.meter, 0) + each.amount_out
        wrong = {meter: (whole, sums[meter]) for meter, whole in wholes.items() if whole != sums[meter]}
        if wrong:
            raise _Failed(", ".join(f"{meter}: {a:,} recorded, {b:,} in the months" for meter, (a, b) in wrong.items()))
        return ", ".join(f"{meter}: {whole:,}" for meter, whole in sorted(wholes.items()))

    def _same_bytes(self) -> str:
        digests = set()
        for _ in range(3):
            self.run([self.sample], self._months[0])
            digests.add(hashlib.sha256(self.output.read_bytes()).hexdigest())
        if len(digests) > 1:
            raise _Failed("the bytes differ: order every INSERT and every query by something total")
        return ""

    def _refused(self, text: str, what: str) -> str:
        self._other.write_text(text, encoding="utf-8", newline="")
        self.output.unlink(missing_ok=True)
        done, found = convert(self._request([self._other], self._months[0]), self.output)
        if done is not None or not has_errors(found):
            raise _Failed(f"{what} converts without an error")
        if self.output.exists():
            raise _Failed(f"{what} leaves an output behind")
        return found[0].code

    def _empty(self) -> str:
        first = self._kind.sample.splitlines(keepends=True)[0]
        found = [self._refused("", "an empty file")]
        # JSON on one line has no header.
        if not first.lstrip().startswith(("{", "[")):
            found.append(self._refused(first, "a header without records"))
        return ", ".join(dict.fromkeys(found))

    def _cut(self) -> str:
        text = self._kind.sample.rstrip()
        return self._refused(text[:-1], "an input without its last character")

    def _doubled(self) -> str:
        once = self.run([self.sample], self._months[0])
        self._other.write_text(self._kind.sample, encoding="utf-8", newline="")
        done, found = convert(self._request([self.sample, self._other], self._months[0]), None)
        if done is not None and [each.amount_out for each in done.meters] != [each.amount_out for each in once.meters]:
            raise _Failed("the same input twice is billed twice")
        if not found:
            raise _Failed("the same input twice is not reported")
        return found[0].code


def _words(found: Sequence[Problem]) -> str:
    errors = [each for each in found if each.severity is Severity.ERROR] or list(found)
    return "; ".join(f"{each.code}: {each.message}" for each in errors[:3]) or "it cannot be read"


def _faults_of(path: Path, period: str) -> list[Problem]:
    """The faults of a charge file, down to notices, as `validate --full` finds them."""
    file = ChargeFile(path.name, path, period, "example", path.stat().st_size)
    with database() as con:
        return check_charges(con, [file], Config(Organization("Example University")), full=True)
