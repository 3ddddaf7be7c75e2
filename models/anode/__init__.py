"""The negative electrode of a cell against lithium: sets of parameters, and their potential under a current."""

from models.anode.electrode import NegativeElectrode
from models.anode.parameters import AnodeParameters
from models.anode.reading import available_anodes, load_anode

__all__ = ["AnodeParameters", "NegativeElectrode", "available_anodes", "load_anode"]
