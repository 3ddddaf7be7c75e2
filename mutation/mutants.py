"""The mutants of a file: mutmut's operators at every place that may be mutated, and one of our own.

A *place* is a piece of code with everything that can be done to it. A sample takes one mutant of a place, because the
others are mostly killed by the same test.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import cast

import libcst as cst
import libcst.matchers as m
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

from mutation import rules

Operator = Callable[..., Iterable[cst.CSTNode]]


def operator_call_removed(node: cst.Expr) -> Iterator[cst.CSTNode]:
    """A statement that only calls something is forgotten: `supply.set_ocp(60)` is the arming of a protection."""
    if m.matches(node, m.Expr(m.Call())):
        yield cst.Pass(node.semicolon)


OPERATORS: Sequence[tuple[type, Operator]] = (*mutation_operators, (cst.Expr, operator_call_removed))


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: `before` and `after` are the lines that it changes, without indentation."""

    file: str
    """Path from the root of the tree, with slashes."""
    line: int
    end: int
    """First and last line that the mistake stands in, from 1."""
    kind: str
    """What was done, by the name of the operator."""
    before: str
    after: str
    names: tuple[str, ...]
    """What is defined there, where the line runs only when its module is imported: whoever uses that can notice."""
    source: str = field(repr=False)
    """The whole file with the mistake in it."""

    @property
    def key(self) -> str:
        """What it is remembered by in the results."""
        return f"{self.file}:{self.line}: {self.before} -> {self.after} ({self.kind})"


@dataclass(frozen=True, eq=False)
class Place:
    """A piece of code, and what can be put there instead."""

    file: str
    source: str
    """The whole file as it is."""
    module: cst.Module
    node: cst.CSTNode
    line: int
    end: int
    names: tuple[str, ...]
    instead: tuple[tuple[str, cst.CSTNode], ...]
    """Kind of the mutation, and what it puts in the place of the node."""
    span: CodeRange
    """Where the node stands, with the blanks around it that are its own."""

    def mutant(self, which: int) -> Mutant | None:
        """What the mutation `which` makes of the file; None where it is no Python, or the same program."""
        kind, new = self.instead[which]
        source, original = self._with(new), self.source
        try:
            compile(source, self.file, "exec", dont_inherit=True)
        except SyntaxError:
            return None
        before, after = _changed(original, source)
        if before == after:
            return None
        return Mutant(self.file, self.line, self.end, kind, before, after, self.names, source)

    def _with(self, new: cst.CSTNode) -> str:
        """The source with `new` in the place of the node: by its text where that stands in one piece."""
        lines = self.source.splitlines(keepends=True)
        start, end = self.span.start, self.span.end
        first, last = (
            sum(map(len, lines[: start.line - 1])) + start.column,
            sum(map(len, lines[: end.line - 1])) + end.column,
        )
        if self.source[first:last] != self.module.code_for_node(self.node):
            return str(cst.ensure_type(self.module.deep_replace(self.node, new), cst.Module).code)
        return self.source[:first] + str(self.module.code_for_node(new)) + self.source[last:]


def places(file: str, source: str) -> list[Place]:
    """Every place of a file that can be mutated, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    positions, spans = wrapper.resolve(PositionProvider), wrapper.resolve(WhitespaceInclusivePositionProvider)
    found = []
    for path in rules.meant(wrapper.module):
        node = path[-1]
        instead = tuple(_mutations(node))
        if instead:
            at = positions[node]
            found.append(
                Place(
                    file, source, wrapper.module, node, at.start.line, at.end.line, _defined(path), instead, spans[node]
                )
            )
    return found


def _mutations(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    for kind, operator in OPERATORS:
        if isinstance(node, kind):
            for new in operator(node):
                if not rules.changes_only_words(node, new):
                    yield operator.__name__.removeprefix("operator_").replace("_", " "), new


def _defined(path: tuple[cst.CSTNode, ...]) -> tuple[str, ...]:
    """What a piece of code that runs at import defines: a constant, a field, a function with its defaults."""
    if any(m.matches(node, m.FunctionDef()) and _leads_into_body(path, node) for node in path):
        return ()
    for at, node in reversed(list(enumerate(path))):
        names = _names(_target(node))
        if names:
            # Who makes an object meets a field of it without saying its name.
            owners = [_names(_target(outer)) for outer in path[:at] if m.matches(outer, m.ClassDef())]
            return (*names, *(name for owner in owners for name in owner))
    return ()


def _names(code: cst.CSTNode) -> list[str]:
    return [cst.ensure_type(name, cst.Name).value for name in m.findall(code, m.Name())]


def _leads_into_body(path: tuple[cst.CSTNode, ...], function: cst.CSTNode) -> bool:
    """Whether a path leads into the body of a function, not into its defaults or decorators."""
    return any(node is cst.ensure_type(function, cst.FunctionDef).body for node in path)


def _target(node: cst.CSTNode) -> cst.CSTNode:
    """The names that a statement defines, as a piece of code; an empty one where it defines none."""
    if m.matches(node, m.Assign()):
        return cst.ensure_type(node, cst.Assign).targets[0].target
    if m.matches(node, m.AnnAssign()):
        return cst.ensure_type(node, cst.AnnAssign).target
    if m.matches(node, m.FunctionDef() | m.ClassDef()):
        return cast("cst.FunctionDef", node).name
    return cst.Pass()


def _changed(before: str, after: str) -> tuple[str, str]:
    """The lines of two sources that differ, each without indentation and joined."""
    old, new = before.splitlines(), after.splitlines()
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    return _joined(old[first : len(old) - last]), _joined(new[first : len(new) - last])


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _joined(lines: Sequence[str]) -> str:
    return " ".join(line.strip() for line in lines)
