"""Keep other machines out: what a run is about to send stands on the branch `deliveries/PERIOD` of a Git remote first.

A push is never forced, so of two runs that start together, one is rejected. A run that finds messages on the branch as
`sending` leaves them alone; so a machine that died takes no knowledge with it of what may have gone out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from openchargeback.deliver.clock import Clock
from openchargeback.deliver.log import Log
from openchargeback.files import git
from openchargeback.ledger.deliveries import Delivery, DeliveryState, deliveries_text, read_deliveries
from openchargeback.ledger.periods import is_period, read_period
from openchargeback.model import State
from openchargeback.problems import LedgerFault, OutsideFault, UsageFault

BATCH = 20
"""How many results are pushed together."""


class Reservation:
    """The branch of a month on a remote, and what is on it."""

    def __init__(self, root: Path, remote: str, log: Log, tip: str) -> None:
        self._root, self._remote, self._log = root, remote, log
        self.branch = f"deliveries/{log.period}"
        self._tip = tip
        self._reserved: dict[str, Delivery] = {}
        self._waiting = 0

    @classmethod
    def taken_up(cls, root: Path, remote: str, log: Log) -> Reservation:
        """Take over what the branch knows into the log. Raises as `on_branch` does."""
        tip, found = on_branch(root, remote, log)
        log.merge(found)
        return cls(root, remote, log, tip)

    def reserve(self, deliveries: Sequence[Delivery], clock: Clock) -> None:
        """Push what is about to be sent. Raises OutsideFault if another run was faster."""
        at = clock.moment
        self._reserved = {each.id: replace(each, state=DeliveryState.SENDING, at=at) for each in deliveries}
        if not self._push(f"Reserve {len(deliveries)} messages of {self._log.period}"):
            raise OutsideFault(
                f"another run holds {self.branch} on {self._remote}; nothing was sent. When it is done, run this again"
            )

    def recorded(self, deliveries: Sequence[Delivery]) -> None:
        """Called with what the log has now; pushed together with others."""
        done = [each for each in deliveries if each.state is not DeliveryState.SENDING]
        for each in done:
            self._reserved.pop(each.id, None)
        self._waiting += len(done)
        if self._waiting >= BATCH:
            self._push(f"Record {self._waiting} messages of {self._log.period}")

    def finish(self) -> None:
        """Push the rest, and give back what is reserved and did not leave: the log of a run that has ended knows.

        Raises OutsideFault if the remote does not take it; the local log has it all the same.
        """
        left, self._reserved = self._reserved, {}
        what = f"Record {self._waiting}" if self._waiting else f"Give back {len(left)}"
        if (self._waiting or left) and not self._push(f"{what} messages of {self._log.period}"):
            raise OutsideFault(
                f"{self.branch} on {self._remote} was changed by someone else, so the last results are only in "
                f"{self._log.path} here; commit that file and push it"
            )

    def _push(self, message: str) -> bool:
        own = {each.id: each for each in self._log.deliveries}
        text = self._log.head + deliveries_text({**own, **self._reserved}.values())
        made = git.commit_file(self._root, self._tip, self._log.path, text.encode(), message)
        if not git.push(self._root, self._remote, made, self.branch):
            return False
        self._tip, self._waiting = made, 0
        return True


def on_branch(root: Path, remote: str, log: Log) -> tuple[str, tuple[Delivery, ...]]:
    """The commit that a reservation follows, and the messages that the month's branch has beyond it.

    Raises OutsideFault if the remote cannot be read, LedgerFault if the log on the branch is faulty.
    """
    branch = f"deliveries/{log.period}"
    head = git.head(root)
    if head is None:
        raise OutsideFault("a reservation needs a Git repository with a commit")
    tip = git.fetch_branch(root, remote, branch)
    if not tip or git.is_ancestor(root, tip, head.id):
        return head.id, ()
    data = git.file_at(root, tip, log.path)
    found, problems = read_deliveries(data, f"{branch}:{log.path}") if data is not None else ((), [])
    if problems:
        raise LedgerFault(problems)
    return tip, found


def closed_since(root: Path, base: str) -> list[str]:
    """The months that are closed now and were not in an earlier revision, or not this time: ascending.

    Raises UsageFault if there is no such revision.
    """
    if not base.strip("0"):
        return []  # what hosts call the state before a branch was made
    commit = git.resolve(root, base)
    if not commit:
        raise UsageFault(f"Git knows no revision {base} here; fetch it first (`fetch-depth: 0` in a workflow)")
    found = []
    for path in sorted((root / "periods").glob("*.yaml")):
        period = path.stem
        if not is_period(period):
            continue
        now, _ = read_period(path.read_bytes(), f"periods/{period}.yaml")
        data = git.file_at(root, commit, f"periods/{period}.yaml")
        before = read_period(data, f"periods/{period}.yaml")[0] if data is not None else None
        closed = now is not None and now.state is not State.OPEN
        same = (
            before is not None
            and now is not None
            and before.state is not State.OPEN
            and before.revision == now.revision
        )
        if closed and not same:
            found.append(period)
    return found
