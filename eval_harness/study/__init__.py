"""Studies: a paper's whole argument as a frozen plan of commands, run on one machine or on a cluster."""
