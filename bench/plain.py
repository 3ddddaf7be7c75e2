"""Text as a terminal or a spreadsheet shows it, and never obeys it.

Titles, causes, names and ids come from files: manifests that somebody sent, stations that somebody wrote. What controls
a terminal (escape sequences, C0 and C1, the direction of writing) or begins a formula is text there, and stays text.
"""

from unicodedata import category

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
FORMULA = ("=", "+", "-", "@")
"""How a cell begins that spreadsheets calculate (OWASP, CSV injection)."""


def plain(text: str) -> str:
    """`text` on one line: white space of every kind is a space, what is not to be seen is U+FFFD."""
    # Nearly all text is printable: one look at it costs 50 ns.
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character in "\t\n\r" or category(character) == "Zs" else REPLACEMENT


def no_formula(text: str) -> str:
    """`text` as a spreadsheet takes it for text: plain, and behind an apostrophe where it would be calculated."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def csv_cell(text: str) -> str:
    """A text as a cell of a CSV file (RFC 4180): no formula, and quoted where it must be."""
    shown = no_formula(text)
    return '"' + shown.replace('"', '""') + '"' if set(shown) & set(',"') else shown
