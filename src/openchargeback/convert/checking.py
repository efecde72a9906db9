"""The checks of a converter, on its own example config and example input: `convert --check`."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from openchargeback.convert.config import ConfigFile, read_config
from openchargeback.convert.conversion import Conversion, MeterTotal, Request, convert, usage_months
from openchargeback.convert.example import example_config
from openchargeback.convert.kinds import Kind, kind_of, names
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
    """The kind of that name, or of `MODULE` or `MODULE:ATTRIBUTE`. Raises UsageFault unless there is just one."""
    if place in names():
        return kind_of(place)
    module, _, attribute = place.partition(":")
    try:
        found = import_module(module)
    except ImportError as error:
        raise UsageFault(f"{module} cannot be imported ({error}): install its package first") from error
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
            done.append(_made("the example input converts", case.convert_samples))
        if not all(each.passed for each in done):
            return done
        return done + [_made(name, method) for name, method in case.further]


def problems(kind: Kind, place: str, checks: Sequence[Checked]) -> list[Problem]:
    """The checks that failed, as problems."""
    fix = "see docs/IMPLEMENTATION-GUIDE-TEMPLATE.md"
    return [
        Problem(place, "converter-fault", f"{kind.name}: {each.name}: {each.message}", fix)
        for each in checks
        if not each.passed
    ]


def converted(kind: Kind, folder: Path, period: str) -> Path:
    """The charges of the example inputs for a month: a CSV file in the folder."""
    case = _Case(kind, folder)
    case.read_config()
    case.run(period)
    return case.output


def _made(name: str, method: Callable[[], str]) -> Checked:
    try:
        return Checked(name, passed=True, message=method())
    except (_Failed, UsageFault, OutsideFault) as error:
        return Checked(name, passed=False, message=str(error))
    except Exception as error:  # noqa: BLE001 - the converter of another package may raise anything
        return Checked(name, passed=False, message=f"it raised {type(error).__name__}: {str(error)[:300]}")


class _Case:
    """A folder with the example config and the example inputs of a kind."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._inputs = [folder / name for name in kind.samples]
        self.output = folder / "charges.csv"
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
        path = self._folder / "config.yaml"
        path.write_text(example_config(self._kind), encoding="utf-8")
        self._config, found = read_config(self._kind, path)
        if self._config is None or found:
            raise _Failed(_words(found))
        return f"{len(self._config.settings.rates)} rates"

    def convert_samples(self) -> str:
        """Convert the example inputs, month by month."""
        if not any(text.strip() for text in self._kind.samples.values()):
            raise _Failed("the kind has no example input: set `samples`")
        self._write(self._kind.samples)
        period = self._kind.sample_period
        self._months = [period] if period else usage_months(self._request(self._inputs, ""))
        if not 0 < len(self._months) <= _MONTHS_MOST:
            raise _Failed(f"the example input has usage in {len(self._months)} months: give it one to {_MONTHS_MOST}")
        charges = sum(self.run(month).rows for month in self._months)
        if not charges:
            raise _Failed("it gives no charges")
        return f"{charges} charges in {', '.join(self._months)}"

    def _write(self, texts: Mapping[str, str], folder: str = "") -> list[Path]:
        """Write inputs: their paths. folder: where, so that inputs may have the same name."""
        place = self._folder / folder
        place.mkdir(exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8", newline="")
        return [place / name for name in texts]

    def _request(self, inputs: Sequence[Path], period: str) -> Request:
        if self._config is None:
            raise _Failed("the example config cannot be read")
        return Request(self._kind, inputs, self._config, period)

    def run(self, period: str) -> Conversion:
        """Convert the example inputs."""
        self.output.unlink(missing_ok=True)
        self._write(self._kind.samples)
        # Between two months with usage there may be one without.
        done, found = convert(replace(self._request(self._inputs, period), allow_empty=True), self.output)
        if done is None:
            raise _Failed(_words(found))
        return done

    def _valid(self) -> str:
        for month in self._months:
            self.run(month)
            if found := _faults_of(self.output, month):
                raise _Failed(f"in {month}: {_words(found)}")
        return ""

    def _conserved(self) -> str:
        """What all months hold is what the records hold; conversion has compared rows and records within each."""
        sums: dict[str, int] = {}
        totals: dict[str, MeterTotal] = {}
        for month in self._months:
            for each in self.run(month).meters:
                totals[each.meter] = each
                sums[each.meter] = sums.get(each.meter, 0) + each.amount_out
        found = {name: total.shown(total.whole, sums[name]) for name, total in sorted(totals.items())}
        wrong = [name for name, total in totals.items() if total.whole != sums[name]]
        if wrong:
            words = (f"{name}: {found[name][1][0]} {found[name][0]} recorded, {found[name][1][1]}" for name in wrong)
            raise _Failed(f"{', '.join(words)} in the months")
        return ", ".join(f"{name}: {amounts[0]} {unit}" for name, (unit, amounts) in found.items())

    def _same_bytes(self) -> str:
        digests = set()
        for _ in range(3):
            self.run(self._months[0])
            digests.add(hashlib.sha256(self.output.read_bytes()).hexdigest())
        if len(digests) > 1:
            raise _Failed("the bytes differ: order every INSERT and every query by something total")
        return ""

    def _refused(self, name: str, text: str, what: str) -> str:
        """The code of the problem if one of the inputs has another text."""
        self.output.unlink(missing_ok=True)
        inputs = self._write({**self._kind.samples, name: text})
        done, found = convert(self._request(inputs, self._months[0]), self.output)
        if done is not None or not has_errors(found):
            raise _Failed(f"{what} ({name}) converts without an error")
        if self.output.exists():
            raise _Failed(f"{what} ({name}) leaves an output behind")
        return found[0].code

    def _empty(self) -> str:
        found = []
        for name, text in self._kind.samples.items():
            found.append(self._refused(name, "", "an empty file"))
            # JSON on one line has no header.
            if not text.lstrip().startswith(("{", "[")):
                found.append(self._refused(name, text.splitlines(keepends=True)[0], "a header without records"))
        return ", ".join(dict.fromkeys(found))

    def _cut(self) -> str:
        what = "an input without its last character"
        found = [self._refused(name, text.rstrip()[:-1], what) for name, text in self._kind.samples.items()]
        return ", ".join(dict.fromkeys(found))

    def _doubled(self) -> str:
        once = self.run(self._months[0])
        copies = self._write(self._kind.samples, "copies")
        done, found = convert(self._request([*self._inputs, *copies], self._months[0]), None)
        if done is not None and _amounts(done) != _amounts(once):
            raise _Failed("the same input twice is billed twice")
        codes = {each.code for each in found} - {each.code for each in once.problems}
        if not codes and done is not None and done.left_out == once.left_out:
            raise _Failed("the same input twice is neither reported nor counted as left out")
        return ", ".join(sorted(codes)) or "left out"


def _amounts(done: Conversion) -> list[object]:
    """What was billed, by meter, or by column of costs that were split."""
    return [*((each.meter, each.amount_out) for each in done.meters), *done.columns]


def _words(found: Sequence[Problem]) -> str:
    errors = [each for each in found if each.severity is Severity.ERROR] or list(found)
    return "; ".join(f"{each.code}: {each.message}" for each in errors[:3]) or "it cannot be read"


def _faults_of(path: Path, period: str) -> list[Problem]:
    """The faults of a charge file, down to notices, as `validate --full` finds them."""
    file = ChargeFile(path.name, path, period, "example", path.stat().st_size)
    with database() as con:
        return check_charges(con, [file], Config(Organization("Example University")), full=True)
