"""Journal files for accounting systems, and what came back from there.

    Journal ─▶ parts ─▶ JournalSheet ─▶ records or a template ─▶ files ─▶ read back, compared ─▶ control totals

A profile (ledger/journal_profiles.py) says how the files of a format are written (docs/JOURNALS.md).
"""
