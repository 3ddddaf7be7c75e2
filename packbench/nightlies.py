"""Nightlies that a CI runs: the files of `docs/ci`, which are also what `packbench new` writes."""

import re
from enum import StrEnum
from pathlib import Path

_HERE = Path(__file__).parent
FOLDER = next(each for each in (_HERE / "templates" / "ci", _HERE.parent / "docs" / "ci") if each.is_dir())
"""An installed package has brought them along; where it is developed they are a part of the documentation."""
LABEL = "bench-1"
"""Stands in them for the name of a bench."""


class Ci(StrEnum):
    """Who runs a nightly; `GITHUB_JOBS` as several jobs that are one night."""

    GITHUB = "github"
    GITHUB_JOBS = "github-jobs"
    GITLAB = "gitlab"
    JENKINS = "jenkins"

    @property
    def source(self) -> Path:
        """Its nightly in the documentation."""
        return FOLDER / ("Jenkinsfile" if self is Ci.JENKINS else f"{self}.yml")

    @property
    def place(self) -> Path:
        """Where it looks for a nightly in a repository."""
        return Path({Ci.GITLAB: ".gitlab-ci.yml", Ci.JENKINS: "Jenkinsfile"}.get(self, ".github/workflows/nightly.yml"))


def nightly(name: str, ci: Ci) -> str:
    """The nightly of a virtual bench called `name`: that of the documentation, on any runner there is."""
    _how_to_copy_it, _, rest = ci.source.read_text(encoding="utf-8").partition("\n")
    text, mark = rest.replace(LABEL, name), "//" if ci is Ci.JENKINS else "#"
    # Both are a line each, so that whoever gets a real bench has the other one at hand.
    text = re.sub(rf"(?m)^( *)(\w.*{mark} a real bench: )", rf"\1{mark} \2", text)
    return re.sub(rf"(?m)^( *){mark} (\w.*{mark} a virtual bench: )", r"\1\2", text)
