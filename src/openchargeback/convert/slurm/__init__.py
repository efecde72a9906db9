"""Jobs of Slurm, from `sacct` as text or JSON."""
