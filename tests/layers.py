"""How the package stands: for each folder, on how many floors its parts are, and whether any go in a circle.

    python -m tests.layers            the package as a table
    python -m tests.layers --svg FILE the same as a picture

A part of a folder is a module in it or a folder in it, taken as one. Each stands one floor above the highest
of its own folder that it imports; imports in functions and those for type checkers count. A circle is looked
for among all modules, whatever folder they are in.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp

PACKAGE = "grader"


@dataclass(frozen=True)
class Folder:
    """One folder: its name, and its parts' names by floor, the lowest first."""

    name: str
    floors: list[list[str]]


def graph() -> dict[str, set[str]]:
    """Each module of the package, and which of its modules it imports."""
    found = grimp.build_graph(PACKAGE, cache_dir=None)
    return {one: found.find_modules_directly_imported_by(one) for one in found.modules}


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of parts that import each other, directly or by way of others (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(one: str) -> None:
        number[one] = lowest[one] = len(number)
        stack.append(one)
        for other in imports.get(one, ()):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[one] = min(lowest[one], lowest[other])
        if lowest[one] == number[one]:
            at = stack.index(one)
            if len(stack) > at + 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for one in sorted(imports):
        if one not in number:
            visit(one)
    return found


def parts(folder: str, imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The parts of a folder, and which of them each imports."""

    def part(module: str) -> str | None:
        inner = module.removeprefix(f"{folder}.")
        return inner.split(".")[0] if inner != module else None

    found: dict[str, set[str]] = {}
    for one, others in imports.items():
        if name := part(one):
            found.setdefault(name, set()).update(part(other) or "" for other in others)
    return {name: others & set(found) - {name} for name, others in found.items()}


def floors(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The parts by floor, the lowest first. ``imports`` must have no circle."""
    level: dict[str, int] = {}

    def of(one: str) -> int:
        if one not in level:
            level[one] = 1 + max((of(other) for other in imports[one]), default=-1)
        return level[one]

    height = max(map(of, imports), default=-1) + 1
    return [sorted(one for one in imports if level[one] == number) for number in range(height)]


def folders(imports: Mapping[str, set[str]]) -> list[Folder]:
    """Every folder of the package with its floors. Raises ValueError where there is a circle."""
    found = []
    for name in sorted({one.rsplit(".", 1)[0] for one in imports if "." in one}):
        inner = parts(name, imports)
        if there := circles(inner):
            raise ValueError(f"{name}: {' and '.join(there[0])} import each other")
        found.append(Folder(name, floors(inner)))
    return found


def main() -> None:
    """Print the floors of every folder, and the circles."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--svg", type=Path, help="write a picture, too")
    chosen = options.parse_args()
    imports = graph()
    for one in circles(imports):
        print("a circle:", *one)
    there = folders(imports)
    for folder in there:
        print(f"{folder.name}: {len(folder.floors)} floors")
        for number, names in reversed(list(enumerate(folder.floors, 1))):
            print(f"  {number}  {' '.join(names)}")
    if chosen.svg:
        chosen.svg.write_text(picture(there))


def picture(there: list[Folder]) -> str:
    """The folders side by side, each part a line on its floor, as SVG."""
    x, texts, height = 20, [], 0
    for folder in there:
        width = 30 + 7 * max(len(name) for names in [[folder.name], *folder.floors] for name in names)
        y = 40
        texts.append(f'<text x="{x}" y="20" font-weight="bold">{folder.name}</text>')
        for number, names in reversed(list(enumerate(folder.floors, 1))):
            size = 16 * len(names) + 8
            texts.append(
                f'<rect x="{x - 6}" y="{y - 14}" width="{width - 14}" height="{size}" '
                'fill="none" stroke="#888"/>'
            )
            texts.append(f'<text x="{x + width - 34}" y="{y}" fill="#888">{number}</text>')
            for name in names:
                texts.append(f'<text x="{x}" y="{y}">{name}</text>')
                y += 16
            y += 12
        height, x = max(height, y), x + width
    body = "\n".join(texts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{x}" height="{height}" '
        'font-family="monospace" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
        f"{body}\n</svg>\n"
    )


if __name__ == "__main__":
    main()
