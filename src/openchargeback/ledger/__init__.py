"""The files of a ledger: paths, settings, YAML with line numbers, approvals, periods."""
