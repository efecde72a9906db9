"""The section `slurm:` of a conversion's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from openchargeback.ledger.shape import Choice, Integer, ListOf, RegularExpression

METERS = ("cpu", "memory", "gpu", "node", "billing")

STATES = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REQUEUED", "RESIZING", "RUNNING", "SUSPENDED", "TIMEOUT"),
)
"""States of jobs that may have used something, as sacct prints them."""

_METERS = ListOf(
    Choice(METERS), single=True, help="What is billed: cpu, memory, gpu, node, billing (the billing TRES)."
)
_NO_METERS = ListOf(Choice(METERS), single=True, help="What is billed instead; [] for nothing.")


@dataclass(frozen=True, slots=True)
class Exceptional:
    """What is billed in some partitions or QOS instead."""

    meters: Annotated[tuple[str, ...], _NO_METERS]
    partition: Annotated[
        tuple[str, ...],
        ListOf(RegularExpression(), single=True, help="Partitions: names or regular expressions; all unless set."),
    ] = ()
    qos: Annotated[
        tuple[str, ...],
        ListOf(RegularExpression(), single=True, help="QOS: names or regular expressions; all unless set."),
    ] = ()
    threads_per_core: Annotated[int | None, Integer(1, 16, "As `threads_per_core` above, here.")] = None


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """What is billed of Slurm's jobs, and how the export was made."""

    meters: Annotated[tuple[str, ...], _METERS]
    exceptions: Annotated[
        tuple[Exceptional, ...], "Partitions and QOS that are billed otherwise; the first that fits."
    ] = ()
    threads_per_core: Annotated[
        int, Integer(1, 16, "Slurm's CPUs in one core that is sold: 2 if Slurm counts hardware threads.")
    ] = 1
    free_states: Annotated[
        tuple[str, ...],
        ListOf(
            Choice(STATES),
            single=True,
            help="States whose jobs are not billed, such as NODE_FAIL; otherwise every started job is.",
        ),
    ] = ()
    cluster: Annotated[str, "The cluster of records without one."] = ""
    delimiter: Annotated[str, "What separates cells; found in the header unless set."] = ""
    columns: Annotated[tuple[str, ...], "The columns of an export without a header, in order."] = ()
    longest_days: Annotated[
        int,
        Integer(1, 3650, "A job that has been RUNNING for more days is a problem: slurmdbd may have missed its end."),
    ] = 60

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "meters": ["cpu", "memory", "gpu"],
        "exceptions": [{"meters": ["node"], "partition": ["exclusive.*"]}],
        "free_states": ["NODE_FAIL"],
        "cluster": "northfield",
    }
