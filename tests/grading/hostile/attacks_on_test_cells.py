"""1 skip the test, 2 and 3 rewrite it, 4 replace what runs it."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from tests.grading import tiny
from tests.grading.hostile.attack import MARKED, Attack, Edit, tests


def _tagged(*tags: str) -> Edit:
    def edit(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            cell.metadata["tags"] = list(tags)

    return edit


def _marked(**facts: Any) -> Edit:
    """The test cells say this of themselves."""

    def edit(notebook: NotebookNode) -> None:
        for cell in tests(notebook):
            cell.metadata["nbgrader"].update(facts)

    return edit


def _solution_runs_away(notebook: NotebookNode) -> None:
    tiny.cell(notebook, "greeter").source = "import os\nos.environ['SKIP'] = '1'\n%%script false\nx"


SKIP = [
    Attack(
        1,
        "skip-execution tag",
        "nbclient passes over a cell with this tag, and no output is full marks",
        edit=_tagged("skip-execution"),
        told="tagged skip-execution",
    ),
    Attack(
        1,
        "raises-exception tag",
        "an error that is announced may not count",
        edit=_tagged("raises-exception"),
        told="tagged raises-exception",
    ),
    Attack(
        1,
        "removal tags",
        "nbconvert's removers drop cells by tag",
        edit=_tagged("remove-cell", "remove_cell", "hide-input", "nbgrader-skip"),
        told="tagged remove-cell",
    ),
    Attack(
        1,
        "marks: no test",
        "a cell that says grade=false is not looked at",
        edit=_marked(grade=False, locked=False),
    ),
    Attack(
        1,
        "marks: a solution",
        "a test that is a solution is graded by hand, and is the student's to write",
        edit=_marked(solution=True, locked=False),
    ),
    Attack(
        1,
        "marks: a thousand points",
        "points may be taken from the submission",
        edit=_marked(points=1000, checksum="0" * 32),
    ),
    Attack(
        1,
        "marks: another schema",
        "a version that nobody knows may switch the checks off",
        edit=_marked(schema_version=1, task=True, cell_type="markdown"),
    ),
    Attack(
        1,
        "a script magic around the rest",
        "a cell magic swallows what it stands in front of",
        edit=_solution_runs_away,
        told="SyntaxError|NotImplementedError|UsageError|NameError",
    ),
]

REWRITE_TEXT = [
    Attack(
        2,
        "input transformer",
        "IPython rewrites every cell by the functions in this list",
        f"get_ipython().input_transformers_cleanup.append("
        f"lambda lines: ['pass\\n'] if any({MARKED} for text in lines) else lines)",
    ),
    Attack(
        2,
        "late input transformer",
        "the same, behind the magics",
        f"get_ipython().input_transformers_post.append("
        f"lambda lines: ['pass\\n'] if any({MARKED} for text in lines) else lines)",
    ),
    Attack(
        2,
        "transform_cell replaced",
        "one method turns a cell's text into what is compiled",
        f"""\
shell = get_ipython()
original = shell.transform_cell
shell.transform_cell = lambda text: "pass\\n" if {MARKED} else original(text)""",
    ),
    Attack(
        2,
        "builtins.compile",
        "whoever compiles calls this name",
        f"""\
import builtins
original = builtins.compile
def compile_(text, *args, **kwargs):
    return original("pass" if isinstance(text, str) and {MARKED} else text, *args, **kwargs)
builtins.compile = compile_""",
    ),
    Attack(
        2,
        "a comment sign before each line",
        "a token transformer sees the test before Python does",
        f"""\
def comment(lines):
    text = "".join(lines)
    return ["# " + line for line in lines] if {MARKED} else lines
comment.has_side_effects = True
get_ipython().input_transformer_manager.line_transforms.insert(0, comment)""",
    ),
]

REWRITE_TREE = [
    Attack(
        3,
        "asserts dropped from the tree",
        "IPython walks the tree with the student's transformers",
        """\
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_With(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())""",
    ),
    Attack(
        3,
        "asserts made true",
        "a test that is there and always holds",
        """\
import ast
class Agree(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Assert(ast.Constant(True), None), node)
    def visit_With(self, node): return ast.copy_location(ast.Pass(), node)
    def generic_visit(self, node): return ast.fix_missing_locations(super().generic_visit(node))
get_ipython().ast_transformers.append(Agree())""",
    ),
    Attack(
        3,
        "asserts optimised away",
        "Python leaves asserts out at -O, and compile() takes that as an argument",
        """\
import builtins
shell = get_ipython()
class Optimised(type(shell.compile)):
    def __call__(self, source, filename, symbol):
        return builtins.compile(source, filename, symbol, self.flags, 1, optimize=2)
shell.compile.__class__ = Optimised""",
    ),
    Attack(
        3,
        "a tracer jumps over asserts",
        "a debugger may set the line that runs next",
        """\
import sys, linecache
def trace(frame, event, argument):
    if event == "line":
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if text.startswith("assert"):
            try: frame.f_lineno += 1
            except ValueError: pass
    return trace
get_ipython().events.register("pre_run_cell", lambda info: sys.settrace(trace))""",
    ),
    Attack(
        3,
        "run_ast_nodes passes",
        "one method runs the nodes of a tree",
        """\
import ast
shell = get_ipython()
original = shell.run_ast_nodes
async def run(nodes, *args, **kwargs):
    return await original([n for n in nodes if not isinstance(n, (ast.Assert, ast.With))], *args, **kwargs)
shell.run_ast_nodes = run""",
    ),
]

REPLACE_RUNNER = [
    Attack(
        4,
        "run_cell_async",
        "the kernel hands every cell to this method",
        f"""\
shell = get_ipython()
original = shell.run_cell_async
def lie(text, *args, **kwargs):
    return original("pass" if {MARKED} else text, *args, **kwargs)
shell.run_cell_async = lie""",
    ),
    Attack(
        4,
        "do_execute",
        "the kernel's own method may answer without running anything",
        f"""\
kernel = get_ipython().kernel
original = kernel.do_execute
async def lie(text, *args, **kwargs):
    return await original("pass" if {MARKED} else text, *args, **kwargs)
kernel.do_execute = lie""",
    ),
    Attack(
        4,
        "the handler of requests",
        "a reply may be sent without anything in between",
        f"""\
kernel = get_ipython().kernel
original = kernel.shell_handlers["execute_request"]
async def lie(stream, ident, parent):
    text = parent["content"]["code"]
    if {MARKED}:
        parent["content"]["code"] = ""
    return await original(stream, ident, parent)
kernel.shell_handlers["execute_request"] = lie""",
    ),
    Attack(
        4,
        "errors handled by the student",
        "IPython lets a notebook take exceptions over: no error output, full marks",
        "get_ipython().set_custom_exc((BaseException,), lambda *given, **named: None)",
    ),
    Attack(
        4,
        "tracebacks shown by nobody",
        "the error output is sent by a method that can be replaced",
        """\
shell = get_ipython()
shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *given, **named: None""",
    ),
    Attack(
        4,
        "run_code says that all is well",
        "the innermost step reports success",
        f"""\
shell = get_ipython()
original = shell.run_code
async def lie(code, result=None, **named):
    text = "".join(map(str, code.co_names)) + shell.user_ns["_ih"][-1]
    return False if {MARKED} else await original(code, result, **named)
shell.run_code = lie""",
    ),
    Attack(
        4,
        "the shell's class",
        "a method of the class reaches shells that are made later too",
        f"""\
from IPython.core.interactiveshell import InteractiveShell
original = InteractiveShell.should_run_async
InteractiveShell.should_run_async = lambda self, text, **named: original(self, text, **named)
run = InteractiveShell.run_cell_async
async def lie(self, text, *args, **named):
    return await run(self, "pass" if {MARKED} else text, *args, **named)
InteractiveShell.run_cell_async = lie""",
    ),
]

ATTACKS = [*SKIP, *REWRITE_TEXT, *REWRITE_TREE, *REPLACE_RUNNER]
