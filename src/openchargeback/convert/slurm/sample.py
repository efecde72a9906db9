"""An example input for the example config: a few jobs, some of them odd, one over the end of a month."""

from __future__ import annotations

HEADER = "JobIDRaw|Cluster|Account|Partition|QOS|State|Submit|Start|End|ElapsedRaw|Suspended|AllocTRES\n"
_CPU = "billing=16,cpu=16,mem=64G,node=1"
_GPU = "billing=8,cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=96G,node=1"
_NODE = "billing=128,cpu=128,mem=512G,node=1"

SAMPLES = {
    "sacct.txt": HEADER
    + "".join(
        f"{id_}|northfield|astro|{partition}|normal|{state}|{start}|{start}|{end}|{elapsed}|{suspended}|{tres}\n"
        for id_, partition, state, start, end, elapsed, suspended, tres in (
            ("101", "cpu", "COMPLETED", "2025-01-06T08:00:00", "2025-01-06T10:00:00", 7200, "00:00:00", _CPU),
            ("102", "gpu", "TIMEOUT", "2025-01-07T00:00:00", "2025-01-08T00:00:00", 86400, "00:00:00", _GPU),
            ("103", "exclusive-a", "FAILED", "2025-01-09T12:00:00", "2025-01-09T13:30:00", 5400, "00:00:00", _NODE),
            ("104", "cpu", "NODE_FAIL", "2025-01-10T00:00:00", "2025-01-10T05:00:00", 18000, "00:00:00", _CPU),
            ("105", "cpu", "CANCELLED by 1000", "2025-01-11T00:00:00", "2025-01-11T03:00:00", 7200, "01:00:00", _CPU),
            ("106", "cpu", "COMPLETED", "2025-01-31T18:00:00", "2025-02-01T06:00:00", 43200, "00:00:00", _CPU),
        )
    )
}
