"""The files of a ledger: paths, config, YAML with line numbers, approvals, periods, seals, git."""
