"""The states of Slurm's jobs (src/common/slurm_protocol_defs.c, job_state_string)."""

from __future__ import annotations

from openchargeback.convert.slurm.settings import STATES

OPEN = ("RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT")
"""States of a job that has started and not ended."""

ELSEWHERE = "REVOKED"
"""Another cluster of the federation ran the job."""

WAITING = (
    *("PENDING", "CONFIGURING", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "EXPEDITING"),
    *("LAUNCH_FAILED", "RECONFIG_FAIL", "POWER_UP_NODE", "UPDATE_DB"),
)
"""Flags that stand in place of a state, mostly before a job starts."""

KNOWN = tuple(sorted({*STATES, *OPEN, ELSEWHERE, *WAITING}))
"""Every state that sacct prints."""
