"""How a class did: in the terminal, as a page, as JSON and CSV."""
