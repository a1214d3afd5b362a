"""Where units of work run: on this machine, on a SLURM cluster or on a Ray cluster; one file each."""
