"""A kind of contract that import-linter lacks: what the modules of a folder may import, and nothing else."""

from __future__ import annotations

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedContract(Contract):
    """Modules of ``folders`` import each other, Python's own library, and what ``allowed`` names.

    A name allows a module and all below it. Imports in functions and those for type checkers count.
    """

    type_name = "allowed"
    folders = fields.SetField(subfield=fields.StringField())
    allowed = fields.SetField(subfield=fields.StringField(), required=False)
    ignore_imports = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import of a module in the folders."""
        folders = cast("set[str]", self.folders)
        wanted = folders | (cast("set[str] | None", self.allowed) or set())
        ignored = cast("set[str] | None", self.ignore_imports) or set()
        wrong = []
        for module in sorted(graph.modules):
            if not _below(module, folders):
                continue
            for other in sorted(graph.find_modules_directly_imported_by(module)):
                known = other.split(".")[0] in sys.stdlib_module_names or _below(other, wanted)
                if not known and f"{module} -> {other}" not in ignored:
                    wrong.append((module, other))
        missing = sorted(one for one in folders if one not in graph.modules)
        return ContractCheck(kept=not wrong and not missing, metadata={"wrong": wrong, "missing": missing})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not allowed."""
        for module, other in check.metadata["wrong"]:
            output.print_error(f"{module} may not import {other}")
        for folder in check.metadata["missing"]:
            output.print_error(f"There is no {folder}.")


def _below(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)
