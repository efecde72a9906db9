"""Runs templates: the sandbox, the limits on a ledger's own templates, and the filters shared by all."""
