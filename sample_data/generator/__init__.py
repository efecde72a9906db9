"""Charges of a fictional university, the same bytes under every Python.

Read in this order: `months`, `noise`, `university` (who spends), `focus` (what a charge is), one module per source
(`aws`, `azure`, `hpc`, `storage`: price list, regular usage, planted oddities), `files` (what is in which file).
"""
