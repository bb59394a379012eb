"""Dataset -> recipe -> checkpoint."""
