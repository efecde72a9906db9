"""Invented charges of an invented university, the same bytes under every Python.

Read in this order: `months`, `noise`, `university` (who spends), `focus` (what a charge is), one module per source
(`aws`, `azure`, `hpc`, `storage`: price list, usual usage, planted oddities), `files` (which file holds what).
"""
