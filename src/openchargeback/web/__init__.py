"""The web program: the portal behind a login, and forms that become commits on branches.

    request ─guard─▶ person ─access─▶ portal files of the person's audience
                                  └─▶ form ─draft─▶ branch ─plan, approval─▶ main

It adds no rules of its own: forms call the functions that commands call, in a clone of the ledger (`workspace.py`).
"""
