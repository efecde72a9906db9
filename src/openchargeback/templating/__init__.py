"""Templates run here: the sandbox, what a ledger's own may cost, and the filters that all of them have."""
