"""What runs a plan: attempts across machines, the run of one step, Snakemake and its environment, states on disk."""
