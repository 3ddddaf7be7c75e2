"""An energy manager in charge: asked each quarter of an hour and when something happens, obeyed within every limit.

The car is away on its trips: half of the way when it leaves, half before it returns, at the road's mean power. What the
manager is told of the car is what its BMS shows. Whatever it says, charger, connection and BMS limit it; without a link
or an answer the car rests.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from math import floor, inf, isfinite, isnan
from threading import Lock, Thread

from bench import columns
from bench.columns import INDEX
from bench.grid.steps import Manage
from bench.managing.answer import Answer, NoAnswer, understood
from bench.managing.inquiry import Beside, Inquiry, Reply
from bench.managing.links import Link, Seen, Standing, open_link
from bench.managing.meter import Meter
from bench.managing.moments import REASONS, happenings
from bench.managing.process import BEGINS
from bench.managing.reaching import DECEIVING, lacking_at_best
from bench.managing.request import Asking, Telling, displayed
from bench.road import pack_energy
from bench.running.declared import Place
from bench.running.emulation import cell_of, charge_steps_of
from bench.running.grid_meter import GridMeter
from bench.running.grid_side import NO_CHARGER, charger_of, envelope, side_of
from bench.running.procedures.base import Control, Envelope, Extremes, Stage
from bench.running.procedures.grid import OnTheGrid
from bench.running.procedures.leading import Leading
from bench.running.procedures.profile import ROUNDING
from bench.running.sampling import Row
from models.construction import Construction
from models.grid.charger import Charger
from models.grid.seasons import forecast
from models.grid.week import QUARTER, SERIES, Days, Trip
from models.tables import Vector
from models.vehicle.car import load_car
from models.vehicle.reach import Going, Pack, going, lacking, needed_soc, usable

PATIENCE = 10.0
"""s of real time for a line to a manager that has begun."""
HORIZON = 24 * 3600.0
"""s of a forecast."""
LOOK = 10.0
"""s between two looks at how far the car would get."""
AGAIN = 1.0
"""Km above the reserve from which on a car can come down to it once more."""
GARAGE, LEAST = 5.0, 5.0
"""K by which a garage is warmer than the air, and degC that it has at least."""
DEGREES = 0.5
"""K in which the air around the pack is set."""
_VOLTAGE, _SOC, _COLDEST = INDEX[columns.VOLTAGE], INDEX[columns.SOC], INDEX[columns.CELL_TEMPERATURE_MIN]
_HOTTEST, _POWER = INDEX[columns.CELL_TEMPERATURE_MAX], INDEX[columns.POWER]
_CURRENT = INDEX[columns.CURRENT]
_CHARGE_LIMIT, _DISCHARGE_LIMIT = INDEX[columns.CHARGE_LIMIT], INDEX[columns.DISCHARGE_LIMIT]


class ManageProcedure(OnTheGrid[Manage]):
    """Has a car managed."""

    kind = Manage
    preparation = BEGINS + PATIENCE

    def __init__(self, step: Manage, place: Place) -> None:
        super().__init__(step, place)
        pack, self._car_energy = place.pack, load_car(step.days.car).energy
        self.scale = pack_energy(pack) / self._car_energy if step.scale is None else step.scale
        if not self.scale > 0:
            raise ValueError(f"a scale of {self.scale:g} leaves nothing of a car: give more than 0.")
        if step.imports <= 0 or step.exports < 0:
            raise ValueError("a connection carries more than 0 W in and 0 W or more out: give imports and exports.")
        if step.charger is not None and not step.charger > 0:
            raise ValueError(f"a home's charger of {step.charger:g} W does nothing: give more than 0.")
        self._whole = self.charger
        self._charger = self._of_the_home(self.charger)
        self.charge, self.discharge = self.charger.charge, self.charger.discharge
        self._drives = [(trip, going(step.days.car, trip.road, self._outside(trip.leaves))) for trip in step.days.trips]
        construction = Construction(**pack.construction.model_dump())
        self._link: Link | None = None
        self._managing: _Managing | None = None
        self._over, self._lock = False, Lock()
        self._steps, self._capacity = charge_steps_of(pack), cell_of(pack).nominal_capacity * pack.parallel
        self.pack = Pack.of(pack.cell, pack.series, pack.parallel, construction, energy=self._car_energy)
        self._ahead: Thread | None = None
        self._shown: Callable[[], None] | None = None

    @property
    def worked_out(self) -> bool:
        """Whether it is known how far the car gets."""
        return self._ahead is None or not self._ahead.is_alive()

    def _work_out(self) -> None:
        """Drive the reserve's road in each weather: where time is real, a bench would be silent meanwhile."""
        for outside in dict.fromkeys(self.step.days.outside.tolist()):
            way = going(self.step.days.car, self.step.reserve_road, outside)
            usable(self.pack, 0.5, self.around(0.0), way.power)

    def _of_the_home(self, charger: Charger) -> Charger:
        """The station's, as far as the home has it."""
        most = inf if self.step.charger is None else self.step.charger * self.scale
        back = min(charger.discharge, most) if self.step.gives else 0.0
        return replace(charger, charge=min(charger.charge, most), discharge=back)

    def _outside(self, time: float) -> float:
        return float(self.step.days.outside[self.step.days.quarter(time)])

    @property
    def cars(self) -> Charger:
        """The charger as the car's manager sees it."""
        found, scale = self.charger, self.scale
        return replace(
            found, charge=found.charge / scale, discharge=found.discharge / scale, least=found.least / scale,
            standby=found.standby / scale, quadratic=found.quadratic * scale, idle=found.idle / scale,
            ramp=found.ramp / scale,
        )  # fmt: skip

    def around(self, time: float) -> float:
        """Temperature (degC) around the pack, as a chamber is set to it."""
        outside = self._outside(time)
        return DEGREES * round((max(outside + GARAGE, LEAST) if self.step.garage else outside) / DEGREES)

    def envelope(self) -> Envelope:
        """See `Procedure`; with the way's power and the chamber's temperatures. What gives nothing still drives."""
        found = dict(envelope(self._whole, self.place, self._whole.charge, self._whole.discharge))
        driving = max((way.power for _, way in self._drives), default=0.0) * self.scale
        pack = self.place.pack
        if driving and ("sink", "power") in found:
            most = max(found["sink", "power"].high, driving)
            found["sink", "power"] = Extremes(0.0, most)
            found["sink", "current"] = Extremes(0.0, min(most / pack.voltage_min, pack.limits.discharge_current))
        if "chamber" in self.place.roles:
            degrees = [self.around(QUARTER * number) for number in range(len(self.step.days.outside))]
            found["chamber", "temperature"] = Extremes(min(degrees), max(degrees))
        return found

    def problems(self) -> Iterable[str]:
        """See `Procedure`: trips that nobody can be on at once."""
        if charger_of(self.place) is None:
            yield NO_CHARGER.format(station=self.place.station.name)
        if self.step.days.trips and "sink" not in self.place.roles:
            yield "its days have trips, and a drive needs a sink: give days without any, or another station."
        last = 0.0
        for trip in self.step.days.trips:
            if not last <= trip.leaves < trip.returns:
                yield f"the trip that leaves at {trip.leaves:g} s does so before the one before it, or itself, is back."
            last = trip.returns

    def set_points(self) -> dict[str, float]:
        """See `Procedure`."""
        mine = {"scale": self.scale, "reserve": self.step.days.reserve, "car energy": self.pack.energy}
        return {**super().set_points(), **mine}

    def words(self) -> dict[str, str]:
        """See `Procedure`."""
        return {"manager": self.step.manager, "season": self.step.days.season, "car": self.step.days.car}

    def prepare(self, stage: Stage) -> None:
        """See `Procedure`: a manager that is started takes seconds, in which no contactor waits closed.

        Whoever follows is shown the car as soon as that tells its charge, which may be before the step begins.
        """
        link, sampler = self.linked(stage), stage.sampler
        if not link.live:
            return
        show = _Managing(self, stage, link).show
        sampler.observers.append(show)
        self._shown = partial(sampler.observers.remove, show)
        if sampler.last is not None:
            show(sampler.last)

    def begin(self, stage: Stage) -> Control:
        """See `Procedure`; the process of a manager lives until the step ends."""
        self._show_no_more()
        if self._ahead is None and self.on_the_wall:
            self._ahead = Thread(target=self._work_out, name="reach", daemon=True)
            self._ahead.start()
        self._managing = _Managing(self, stage, self.linked(stage))
        return self._managing.control

    def pace(self, time: float) -> float:
        """See `Procedure`: a car that rests is looked at as in a rest, and in time for whatever happens next."""
        usual, slow = self.scan_period, self.place.station.rest_scan_period
        if self._managing is None or not self._managing.rests(time):
            return usual
        edges = [edge for trip, way in self._drives for edge in self._edges(trip, way) if edge > time]
        left = min([self._managing.next_moment, self.step.days.duration, *edges]) - time
        return max(min(slow, usual * floor(left / usual + ROUNDING)), usual)

    def linked(self, stage: Stage) -> Link:
        """The link to the manager; its process begins with it."""
        self._over = False
        return self._link or tell(self.anew(), stage)

    def anew(self) -> Link:
        """A link where there is none; closed again where there is one by then, or the step has ended meanwhile."""
        link = open_link(self.step.manager, beside=self.on_the_wall)
        with self._lock:
            if self._link is None and not self._over:
                self._link = link
            mine = self._link
        if mine is not link:
            link.close()
        return mine or link

    def _show_no_more(self) -> None:
        """What is shown from now on is what the step sees, or nothing."""
        shown, self._shown = self._shown, None
        if shown is not None:
            shown()

    @property
    def on_the_wall(self) -> bool:
        """Whether time is real: nothing may wait then."""
        return self.place.station.clock == "wall"

    def ended(self, stage: Stage) -> None:
        """See `Procedure`."""
        self._over = True
        self._show_no_more()
        self.hang_up()

    def abandoned(self, stage: Stage) -> None:
        """See `Procedure`."""
        self.ended(stage)

    def hang_up(self) -> None:
        """End the link, and the process of a manager that was started."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def withheld(self, row: Row, asked: float) -> float:
        """W that the pack does not take of what its file promises, though all that it takes is `asked` for (W, DC).

        Half of it counts: a table in steps, read a little beside one of its edges, says nothing.
        """
        rate = self._steps.rate(row[_COLDEST], row[_HOTTEST], row[_SOC])
        limit, promised = row[_CHARGE_LIMIT] * row[_VOLTAGE], rate * self._capacity * row[_VOLTAGE]
        if not (asked >= ALL * limit and limit < HALF * promised):
            return 0.0
        return max(min(self.charger.ac_to_dc(self.charger.charge), promised) - limit, 0.0)

    def driving(self, time: float) -> float:
        """W out of the car's pack at a time of the days; 0 where it is not on its way."""
        for trip, way in self._drives:
            leaves, there, back, returns = self._edges(trip, way)
            if leaves <= time < there or back <= time < returns:
                return way.power
        return 0.0

    @staticmethod
    def _edges(trip: Trip, way: Going) -> tuple[float, float, float, float]:
        """When it leaves, is there, begins its way back, and returns: s of the days."""
        half = 3600 * trip.distance * way.energy / way.power / 2
        return trip.leaves, min(trip.leaves + half, trip.returns), max(trip.returns - half, trip.leaves), trip.returns


def tell(link: Link, stage: Stage) -> Link:
    """Record what whoever runs a step should know of its link."""
    if link.says:
        stage.log.event("manager link", says=link.says)
    return link


class _Managing:
    """One stretch of a managed step; a pause begins another."""

    def __init__(self, procedure: ManageProcedure, stage: Stage, link: Link) -> None:
        self._of, self._stage, self._link = procedure, stage, link
        self._inquiry, self._why = self._asked_by(link), ""
        self._days: Days = procedure.step.days
        self._side, self._note = side_of(procedure.charger, stage), stage.sampler.note
        step, self._cars = procedure.step, procedure.cars
        self._asking = Asking(step.days, self._cars, step.imports, step.exports, self._foreseen, road=step.reserve_road)
        self._moments = iter([*sorted(happenings(self._days)), (inf, "")])
        self._due = next(self._moments)
        self._reasons = set[str]()
        self._answer, self._looked, self._armed = Answer(0.0), -LOOK, True
        self._problem, self._meter = "", Meter()
        self._kept: float | None = None
        self._wanted: float | None = None
        self._gone: Trip | None = None
        self._range = self._needed = float("nan")
        self._degrees = self._soc = self._cells = float("nan")
        self._gone_down = False
        self._going: Beside[None] | None = None
        self._coming: Beside[Link] | None = None
        self._acting: float | None = None
        self._conditioned = "chamber" in stage.place.roles
        self._meters = GridMeter.of(stage.place.index, procedure.scale)
        self._site = self._days.site(0.0)
        self._withheld = self._given = self._moved = 0.0
        self._still = STILL * stage.place.pack.rated_capacity

    def _asked_by(self, link: Link) -> Inquiry:
        return Inquiry(link, beside=self._of.on_the_wall)

    @property
    def next_moment(self) -> float:
        """When something happens next, s of the days."""
        return self._due[0]

    def rests(self, time: float) -> bool:
        """Whether nothing has been asked of the car for so long that nothing flows, and nobody is thinking about it."""
        # Who speaks by himself may do so at any moment, and is heard in time.
        return time - self._moved >= SETTLED and not (self._inquiry.pending or self._link.live)

    def show(self, row: Row) -> None:
        """Show what is before the step begins; what is asked for then acts when it does.

        A BMS of which no string is connected has no charge to tell: a car without one is shown to nobody.
        """
        if not isnan(row[_SOC]):
            self._link.follow(replace(self._seen(row, self._stage.begins), begun=False))

    def control(self, row: Row, time: float) -> None:
        """See `Control`."""
        trip = self._days.trip_at(time)
        self._site = self._days.site(time) if self._meters is None else self._meters.site(row, self._at_box(row))
        if time - self._looked >= LOOK or (trip is not None) != (self._gone is not None):
            self._look(row, time)
        if trip is not None and self._gone is not trip:
            self._departed(row, time, trip)
        self._gone = trip
        heard = self._link.follow(self._seen(row, time)) if self._link.live else None
        self._happens(time)
        self._restart(row, time)
        if self._reasons and not self._inquiry.pending and self._coming is None:
            self._decide(row, time, trip is None)
        if (reply := self._inquiry.reply()) is not None:
            self._hear(reply, time, trip is None)
            heard = self._link.follow(self._seen(row, time)) if self._link.live else None
        elif heard is not None:
            self._stand(heard, time, trip is None)
        self._acting = None if heard is None else heard.acting
        if trip is not None:
            power = -self._of.scale * self._of.driving(time)
            self._side.stop()
            self._side.terminals(power, row, time)
        else:
            power = self._allowed(time)
            self._side.follow(power, row, time)
        if power or not -self._still <= row[_CURRENT] <= self._still:
            self._moved = time

    # --- what happens ---

    def _happens(self, time: float) -> None:
        while time + ROUNDING >= self._due[0]:
            self._reasons.add(self._due[1])
            if self._due[1] == "trip":
                self._given = 0.0  # what was given before nobody could know that it would lack
            self._due = next(self._moments)

    def _restart(self, row: Row, time: float) -> None:
        """A manager that is down has no process; when it is back, it is another one. Both take seconds."""
        down, beside = self._days.suffers("restart", time) is not None, self._of.on_the_wall
        if down and not self._gone_down:
            self._going, self._coming = Beside(partial(self._leave, self._coming), beside=beside), None
            self._going.outcome()
        elif self._gone_down and not down:
            self._coming = Beside(self._another, beside=beside)
        self._gone_down = down
        if self._coming is not None and (come := self._coming.outcome()) is not None:
            self._coming, self._link = None, tell(come(), self._stage)
            self._inquiry = self._asked_by(self._link)
            if self._link.live:
                self._link.follow(self._seen(row, time))  # before it is asked: what it is asked about is there

    def _leave(self, coming: Beside[Link] | None) -> None:
        if coming is not None:
            coming.wait()
        self._of.hang_up()

    def _another(self) -> Link:
        if self._going is not None:
            self._going.wait()
        return self._of.anew()

    def _look(self, row: Row, time: float) -> None:
        """How far it would get, and how far it has to; and the air around it."""
        if not self._of.worked_out:
            return
        self._withhold(row, time)
        self._looked, days, of = time, self._days, self._of
        quarter = days.quarter(time)
        way = going(days.car, of.step.reserve_road, float(days.outside[quarter]))
        self._range = usable(of.pack, row[_SOC], row[_COLDEST], way.power) / way.energy
        self._needed, self._soc, self._cells = days.reserve, row[_SOC], row[_COLDEST]
        net = {
            columns.RANGE: self._range, columns.RANGE_NEEDED: self._needed, columns.HOUSE: self._site[0],
            columns.SUN: self._site[1], columns.BUY: float(days.buy[quarter]),
            columns.SELL: float(days.sell[quarter]), columns.PLUGGED: float(days.trip_at(time) is None),
        }  # fmt: skip
        for column, value in net.items():
            self._note(column, value)
        if self._link.live:
            self._reckon(row, time, quarter)
        self._armed = self._armed or self._range > days.reserve + AGAIN
        if self._armed and self._asked < 0 and self._range < days.reserve:
            self._armed = False
            self._reasons.add("reserve")
        degrees = of.around(time)
        if self._conditioned and degrees != self._degrees:
            self._degrees = degrees
            Leading.around(self._of.place, "chamber", degrees).ask(self._stage, degrees)

    def _reckon(self, row: Row, time: float, quarter: int) -> None:
        """What a car tells a box of its plans: Wh that stay in it, and those that its next trip wants on top."""
        days, pack, cells = self._days, self._of.pack, row[_COLDEST]
        outside = float(days.outside[quarter])
        beyond, trip = going(days.car, self._of.step.reserve_road, outside), days.next_trip(time)
        if isnan(cells):
            self._kept = self._wanted = None
            return
        self._kept = pack.energy * min(needed_soc(pack, days.reserve, cells, beyond), 1.0)
        if trip is None:
            self._wanted = None
            return
        there = going(days.car, trip.road, outside)
        distance = trip.distance + days.reserve * beyond.energy / there.energy
        self._wanted = pack.energy * min(needed_soc(pack, distance, cells, there), 1.0)

    def _withhold(self, row: Row, time: float) -> None:
        """Count what the pack did not take, and what it gave back, while the car is at home, Wh of the car."""
        if self._gone is not None or self._days.trip_at(time) is not None:
            return
        asked = self._of.charger.ac_to_dc(self._allowed(time))
        hours = max(time - self._looked, 0.0) / 3600 / self._of.scale
        self._withheld += self._of.withheld(row, asked) * hours
        if isfinite(row[_POWER]):
            self._given += max(-row[_POWER], 0.0) * hours

    def _departed(self, row: Row, time: float, trip: Trip) -> None:
        days, of = self._days, self._of
        outside = float(days.outside[days.quarter(time)])
        way, beyond = going(days.car, trip.road, outside), going(days.car, of.step.reserve_road, outside)
        short = lacking(of.pack, row[_SOC], row[_COLDEST], trip.distance, way, days.reserve, beyond)
        leaves = days.at(trip.leaves).timestamp()
        self._stage.log.event(
            "departure", at=time, leaves=leaves, short=round(short, 3), distance=trip.distance, road=trip.road,
            withheld=round(self._withheld / way.energy, 3), given=round(self._given / way.energy, 3),
        )  # fmt: skip
        self._answer, self._withheld, self._given = Answer(0.0), 0.0, 0.0

    # --- what is decided ---

    def _decide(self, row: Row, time: float, plugged: bool) -> None:
        reasons, self._reasons = self._reasons, set()
        self._why = next(each for each in REASONS if each in reasons)
        if self._linked(time):
            self._inquiry.ask(self._asking.request(time, self._why, self._told(row, time), self._site))
        else:
            self._obey(Answer(0.0), "no link", time, plugged)

    def _hear(self, reply: Reply, time: float, plugged: bool) -> None:
        try:
            answer, problem = understood(reply()), ""
        except NoAnswer as error:
            answer, problem = Answer(0.0), str(error)
        if not self._linked(time):
            # It was on its way when the link was lost: nobody hears it.
            answer, problem = Answer(0.0), "no link"
        self._obey(answer, problem, time, plugged)

    def _stand(self, heard: Standing, time: float, plugged: bool) -> None:
        """Obey what was set between two decisions, where that is something else."""
        if not self._linked(time):
            return
        if heard.power != self._answer.power or (heard.problem and heard.problem != self._problem):
            self._why = "order"
            self._obey(Answer(heard.power, say=heard.say), heard.problem, time, plugged)

    def _obey(self, answer: Answer, problem: str, time: float, plugged: bool) -> None:
        self._answer, self._problem = answer if plugged else replace(answer, power=0.0), problem
        self._note(columns.MANAGER_POWER, self._answer.power)
        self._stage.log.event(
            "manager", at=time, reason=self._why, power=self._answer.power, say=answer.say, problem=problem,
            range=round(self._range, 2), needed=self._needed, warned=sorted(answer.warned), **self._outlook(time),
        )  # fmt: skip

    def _linked(self, time: float) -> bool:
        """Whether manager and charger hear each other; from the scan on at which the moment happens."""
        return self._days.unheard(time + ROUNDING) is None

    def _outlook(self, time: float) -> dict[str, float | None]:
        """The next departure, as it is known, and what will lack there at best; None where nobody could know it."""
        days, of, trip = self._days, self._of, self._days.next_trip(time)
        hidden = any(days.suffers(what, time) is not None for what in DECEIVING)
        if trip is None or hidden or days.unheard(time) is not None or days.trip_at(time) is not None:
            return {"departure": None, "lacks": None}
        lacks = lacking_at_best(days, of.pack, of.cars, self._soc, self._cells, time, trip, of.step.reserve_road)
        return {"departure": days.at(trip.departure(time)).timestamp(), "lacks": round(lacks, 2)}

    def _told(self, row: Row, time: float) -> Telling:
        days, scale, volts = self._days, self._of.scale, row[_VOLTAGE]
        takes, gives = (0.0 if isnan(row[limit]) else row[limit] * volts / scale for limit in _LIMITS)
        soc = None if isnan(row[_SOC]) else displayed(days, time, row[_SOC])
        return Telling(days.trip_at(time) is None, soc, row[_COLDEST], self._of.pack.energy, takes, gives)

    def _seen(self, row: Row, time: float) -> Seen:
        """What a car and its box show, at the scale of a car."""
        days, volts, amps = self._days, row[_VOLTAGE], row[_CURRENT] / self._of.scale
        power = self._at_box(row) / self._of.scale
        plugged = days.trip_at(time) is None
        self._meter.count(power if plugged else 0.0, time)
        return Seen(
            time, days.start.timestamp() + time, self._linked(time), self._told(row, time), self._cars,
            power if plugged else 0.0, volts, amps, self._meter.taken, self._meter.given, self._kept, self._wanted,
            None if self._meters is None else self._meters.mains(row),
        )  # fmt: skip

    def _at_box(self, row: Row) -> float:
        """W at the bench's charger: a box measures them; for source and sink they follow from the terminals."""
        box = self._stage.place.index.get(columns.GRID_POWER)
        return self._of.charger.dc_to_ac(row[_VOLTAGE] * row[_CURRENT]) if box is None else row[box]

    def _foreseen(self, time: float) -> dict[str, Vector]:
        seen, share = forecast(self._days, time, HORIZON), self._of.step.foreseen
        found = {name: getattr(seen, name) for name in SERIES}
        if share is not None:
            ahead = slice(self._days.quarter(time), self._days.quarter(time) + len(seen.house))
            found |= {name: getattr(self._days, name)[ahead] * (share if name in SCALED else 1.0) for name in SERIES}
        return found

    def _allowed(self, time: float) -> float:
        """W at the bench's charger: within what the charger can and the connection carries."""
        if not self._linked(time):
            return 0.0
        step, scale, (house, sun) = self._of.step, self._of.scale, self._site
        net = house - sun
        most, least = max(step.imports - net, 0.0), min(-step.exports - net, 0.0)
        return self._of.charger.allowed(scale * min(max(self._asked, least), most))

    @property
    def _asked(self) -> float:
        """W that are asked of the charger: as the manager has it, or as its box makes it of that."""
        return self._answer.power if self._acting is None else self._acting


_LIMITS = (_CHARGE_LIMIT, _DISCHARGE_LIMIT)
ALL, HALF = 0.95, 0.5
"""Of what a pack takes now, what is all of it; of what its file promises, below what it is off its file."""
SETTLED, STILL = 5.0, 0.02
"""s without a power that is asked for, and 1/h of the pack's capacity: below that a car rests, and its charger does."""
SCALED = frozenset({"house", "sun"})
"""Of a forecast, what is another share of what it will be."""
