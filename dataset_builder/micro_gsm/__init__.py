"""The embedded world: problems whose best decomposition is known, a fallible teacher, a solver of one-hop steps."""
