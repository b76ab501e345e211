"""What was found, as one page that needs no network: ``summarise`` -> dict, ``plots`` -> SVG, ``page`` -> HTML."""
