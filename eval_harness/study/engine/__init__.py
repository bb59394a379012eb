"""What runs a plan: claims of steps across machines, the run of one step, Snakemake's environment, states on disk."""
