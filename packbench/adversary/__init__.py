"""The adversary: searches days at home for the smallest breach of a manager's word, and writes it down as a test.

Plant and referee without instruments; a manager is told what docs/manager-contract.md says and nothing else.
"""

from packbench.adversary.home import Home
from packbench.adversary.replaying import replay
from packbench.adversary.space import Away, Trouble, Week

__all__ = ["Away", "Home", "Trouble", "Week", "replay"]
