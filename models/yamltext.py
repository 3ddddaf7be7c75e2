"""YAML as data: PyYAML's safe loader, in C where its libyaml is there, which takes an eighth of the time.

Every file that people write is read through here, so that what PyYAML lets pass is refused in each of them: a key that
stands twice, of which it keeps the last, and aliases that unfold into more than any memory holds.
"""

from typing import Any, TypeAlias

import yaml

Loader: TypeAlias = "yaml.SafeLoader | yaml.CSafeLoader"
LOADER: type[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST_TREE = 100_000
"""Keys and values, with every alias written out; a page of text can ask for more than any memory holds. A longer text
may have as many as it has letters: more of them come from aliases alone."""
MISFIT = (ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, TypeError)
"""What PyYAML raises for a tag that its value does not fit (`!!bool maybe`, `!!seq` of a key), and for a tree too deep.
"""


MERGE = "tag:yaml.org,2002:merge"
"""The key `<<`: its mapping is taken over, and what stands beside it counts more."""


class RefusedError(yaml.YAMLError):
    """YAML, but none that is taken; `where` is the place in the text as far as it is known, `line 3, key name`."""

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where

    def of(self, place: str) -> str:
        """The sentence about a file, or what else the text is."""
        return f"{place}{self.where and ', '}{self.where}: {self.problem}."


def parse(text: str) -> Any:
    """What a text says: plain values, lists and mappings; raises `yaml.YAMLError`, and nothing else."""
    return parsed(text)[1]


def parse_texts(text: str) -> Any:
    """As `parse`, with each value as it is written: a time of day stays one."""
    return parsed(text, yaml.BaseLoader)[1]


def parsed(text: str, kind: "type[Loader | yaml.BaseLoader]" = LOADER) -> tuple[yaml.Node | None, Any]:
    """The tree of a text, for its line numbers, and what it says; raises `yaml.YAMLError`, and nothing else."""
    try:
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _refuse_bombs_and_doubles(loader, node, largest=max(LARGEST_TREE, len(text)))
        return node, loader.construct_document(node)
    except yaml.YAMLError:
        raise
    except MISFIT as error:
        raise RefusedError("not valid YAML: a value does not fit its type, or is nested too deep") from error


def _refuse_bombs_and_doubles(loader: "Loader | yaml.BaseLoader", root: yaml.Node, largest: int) -> None:
    """Walk the tree as it will be written out: too large a one, and a key given twice, are mistakes."""
    waiting, visited = [root], 0
    while waiting:
        node = waiting.pop()
        visited += 1
        if visited > largest:
            raise RefusedError(f"its aliases unfold into more than {largest} values; write them out")
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            _refuse_doubles(loader, node)
            for pair in node.value:
                waiting += pair


def _refuse_doubles(loader: "Loader | yaml.BaseLoader", node: yaml.MappingNode) -> None:
    """Two keys are one where they are written alike (`-10`, `"-10"`), and where they mean the same (`-10`, `-10.0`)."""
    seen: set[object] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # of no use as a key: PyYAML says so when it is constructed
        names: set[object] = {("written", key.value)}
        if key.tag != MERGE:
            names.add(loader.construct_object(key))
        if seen & names:
            name = key.value if len(key.value) <= 60 else f"{key.value[:57]}..."
            where = " ".join(f"line {key.start_mark.line + 1}, key {name}".split())
            raise RefusedError("given twice; one of them would be lost", where)
        seen |= names
