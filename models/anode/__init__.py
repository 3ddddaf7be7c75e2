"""The negative electrode of a cell against lithium: sets of parameters, and their potential under a current."""

from models.anode.charge import COARSE, FINE, Course, Pace, course
from models.anode.electrode import NegativeElectrode
from models.anode.parameters import AnodeParameters
from models.anode.reading import available_anodes, load_anode, parameters_of, written

__all__ = [
    "COARSE", "FINE", "AnodeParameters", "Course", "NegativeElectrode", "Pace", "available_anodes", "course",
    "load_anode", "parameters_of", "written",
]  # fmt: skip
