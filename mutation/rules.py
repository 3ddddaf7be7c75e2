"""What is not mutated, because no test could or should notice: each rule by its name, in words.

A rule is a matcher of a piece of the syntax tree; whatever it matches is left out with everything inside.
"""

from collections.abc import Iterator, Mapping, Sequence

import libcst as cst
import libcst.matchers as m

SENTENCE = 3
"""Words from which on a string is meant for people; those of columns (`Voltage / V`) are not."""
NAMES_OF_WORDS = (
    "text",
    "label",
    "words",
    "what",
    "why",
    "hint",
    "reason",
    "title",
    "description",
    "help",
    "definition",
)
"""Arguments whose value somebody reads."""
WRITES_LOGS = ("logging", "logger")


def _is_sentence(text: str) -> bool:
    return len(text.split()) >= SENTENCE and " / " not in text


def _one_of(names: tuple[str, ...]) -> m.OneOf[m.Name]:
    return m.OneOf(*map(m.Name, names))


_SENTENCE = m.SimpleString(m.MatchIfTrue(_is_sentence))
_WORDS = m.FormattedString() | m.ConcatenatedString() | _SENTENCE
_ALIAS = m.AssignTarget(m.Name(m.MatchRegex(r"_?[A-Z]+[a-z]\w*")))

LEFT_OUT: Mapping[str, m.BaseMatcherNode] = {
    "docstrings": m.Expr(m.SimpleString() | m.ConcatenatedString()),
    "sentences, and what is put into them": _WORDS,
    "constants that are only words": m.Assign(value=_WORDS),
    "arguments that are only words": m.Arg(keyword=_one_of(NAMES_OF_WORDS)) | m.Arg(_WORDS),
    "what an exception says (that it is raised is tried through its condition)": m.Raise(),
    "annotations": m.Annotation(),
    "aliases of types": m.Assign(targets=[_ALIAS]),
    "imports and what a module exports": m.Import() | m.ImportFrom() | m.Assign([m.AssignTarget(m.Name("__all__"))]),
    "type variables": m.Assign(value=m.Call(m.Name(m.MatchRegex("TypeVar|ParamSpec|NewType")))),
    "what the type checker reads": m.If(m.Name("TYPE_CHECKING")) | m.Decorator(m.Name("overload")),
    "options of data classes": m.Decorator(m.Call(m.Name("dataclass"))),
    "logging": m.Call(m.Attribute(_one_of(WRITES_LOGS))),
}  # fmt: skip
_CAST = m.Call(m.Name("cast"))
_PLATFORM = m.Attribute(m.Name("sys"), m.Name("platform"))


def _compared(operator: m.BaseCompOpMatchType) -> m.Comparison:
    return m.Comparison(_PLATFORM, [m.ComparisonTarget(operator, m.SimpleString(m.MatchRegex("[\"']win32[\"']")))])


# Mutants are tried in forks, which Windows has not: no test runs there what only Windows runs, nor can it notice
# another name of that.
_ON_WINDOWS, _ELSEWHERE = m.If(_compared(m.Equal())), m.If(_compared(m.NotEqual()))


def _by_kind() -> dict[str, list[tuple[str, m.BaseMatcherNode]]]:
    """The rules by the kind of code that each is about: a matcher is named like what it matches, and asking costs."""
    kinds: dict[str, list[tuple[str, m.BaseMatcherNode]]] = {}
    for name, rule in LEFT_OUT.items():
        for matcher in getattr(rule, "options", (rule,)):
            kinds.setdefault(type(matcher).__name__, []).append((name, matcher))
    return kinds


_RULES = _by_kind()


def is_left_out(node: cst.CSTNode) -> str:
    """The rule by which a piece of code is left out, in words; empty where it is not."""
    rules = _RULES.get(type(node).__name__, ())
    return next((name for name, rule in rules if m.matches(node, rule)), "")


def meant(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, ...]]:
    """Everything that may be mutated in `node`, as in the source: each with what it stands in, outermost first."""
    yield from _inside((node,))


def _inside(path: tuple[cst.CSTNode, ...]) -> Iterator[tuple[cst.CSTNode, ...]]:
    node = path[-1]
    if is_left_out(node):
        return
    children: Sequence[cst.CSTNode] = node.children
    if m.matches(node, _CAST):
        # Its first argument is the type checker's, and it does nothing at run time.
        children = cst.ensure_type(node, cst.Call).args[1:]
    else:
        yield path
    if m.matches(node, _ON_WINDOWS | _ELSEWHERE):
        choice = cst.ensure_type(node, cst.If)
        children = [child for child in (choice.orelse if m.matches(node, _ON_WINDOWS) else choice.body,) if child]
    for child in children:
        yield from _inside((*path, child))


def changes_only_words(old: cst.CSTNode, new: cst.CSTNode) -> bool:
    """Whether a mutant of a call is one in an argument that is only words."""
    before, after = getattr(old, "args", ()), getattr(new, "args", ())
    changed = [arg for arg in before if all(arg is not other for other in after)]
    return bool(changed) and all(map(is_left_out, changed))
