"""Tables on the terminal, all of one make."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def new_table(*columns: str) -> Table:
    """An empty table with these headings."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    return table


def print_table(table: Table) -> None:
    """As wide as the terminal; in a pipe or a file, as wide as it needs."""
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)
