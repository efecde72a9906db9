"""Whether a file meets the requirements of FOCUS 1.2, rule by rule, by the FOCUS project's own model.

`model.json` is that model (MIT license, `model-LICENSE.txt`), trimmed by `tools/conformance_model.py`;
`differences.toml` lists where we differ from it and why, `applicability.toml` what its criteria mean for a file.

    model.py       the rules that check something, each with the conditions of the composites above it
    checks.py      each check function of the model as SQL (`checks.sql`)
    compiling.py   the conditions of all rules for a file with certain columns
    evaluating.py  what a file's rows say about each rule, in one pass over the file
    reporting.py   the problems, and the counts
"""
