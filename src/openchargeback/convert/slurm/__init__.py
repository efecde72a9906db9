"""Slurm jobs, from `sacct` as text or JSON."""
