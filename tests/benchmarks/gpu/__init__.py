"""One GPU measured offline: what is trained and decoded (`inputs`), how (`stages`), and its table (`table`)."""
