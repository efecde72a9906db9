"""The click commands: parse, call one function, print, exit code."""
