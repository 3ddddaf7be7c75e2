"""One stretch of a managed step: what happens, what is decided, and what charger and car then do.

What the manager is told of the car is what its BMS shows. Whatever it says, charger, connection and BMS limit it;
without a link or an answer the car rests.
"""

from dataclasses import replace
from math import inf, isnan, nan

from bench import columns
from bench.columns import INDEX
from bench.managing.answer import Answer, NoAnswer, understood
from bench.managing.inquiry import Inquiry, Reply
from bench.managing.links import LOST, OFF, Link, Seen, Standing
from bench.managing.moments import REASONS, happenings
from bench.managing.reaching import DECEIVING
from bench.managing.request import Asking, Telling, displayed
from bench.running.grid_meter import GridMeter
from bench.running.grid_side import side_of
from bench.running.procedures.base import Stage
from bench.running.procedures.leading import Leading
from bench.running.procedures.managed.car import Car
from bench.running.procedures.managed.course import LOOK, Course, at_box
from bench.running.procedures.managed.line import Line
from bench.running.procedures.pointwise import ROUNDING
from bench.running.sampling import Row
from models.grid.seasons import forecast
from models.grid.week import SERIES, Trip
from models.tables import Vector

HORIZON = 24 * 3600.0
"""s of a forecast."""
SETTLED, STILL = 5.0, 0.02
"""s without a power that is asked for, and 1/h of the pack's capacity: below that a car rests, and its charger does."""
SCALED = frozenset({"house", "sun"})
"""Of a forecast, what is another share of what it will be."""
ENDURED = OFF - LOST
"""s behind the first scan at which somebody is lost: that may itself come so late."""
_VOLTAGE, _CURRENT = INDEX[columns.VOLTAGE], INDEX[columns.CURRENT]
_SOC, _COLDEST = INDEX[columns.SOC], INDEX[columns.CELL_TEMPERATURE_MIN]
_LIMITS = INDEX[columns.CHARGE_LIMIT], INDEX[columns.DISCHARGE_LIMIT]


class Stretch:
    """From where a step begins, or goes on, to its next pause or its end; nobody waits for answers `beside` it."""

    def __init__(self, car: Car, line: Line, stage: Stage, course: Course, *, beside: bool) -> None:
        self._course = course
        self._car, self._line, self._stage, self._beside = car, line, stage, beside
        self._link = line.link(stage)
        self._inquiry, self._why = self._asked_by(self._link), ""
        self._step, self._days = car.step, car.days
        self._side, self._note = side_of(car.charger, stage), stage.sampler.note
        step = self._step
        self._asking = Asking(
            step.days, car.own_charger, step.imports, step.exports, self._foreseen, road=step.reserve_road
        )
        ahead = [each for each in happenings(self._days) if each[0] > course.time + ROUNDING]
        self._moments = iter([*sorted(ahead), (inf, "")])
        self._due = next(self._moments)
        self._reasons = {"start"}  # also behind a pause: nothing is asked of the car until somebody has decided anew
        self._answer, self._looked = Answer(0.0), max(course.time, 0.0) - LOOK
        self._problem, self._missed = "", False
        self._lost = inf
        self._knows: dict[str, float | None] = {"told_soc": None, "foreseen": None}
        self._stays: tuple[float | None, float | None] = None, None
        """Wh that have to stay in the car, without its next trip and with it; None where nobody knows."""
        self._range = self._needed = nan
        self._degrees = self._soc = self._cells = nan
        self._acting: float | None = None
        self._conditioned = "chamber" in stage.place.roles
        self._meters = GridMeter.of(stage.place.index, car.scale)
        self._site = self._days.site(0.0)
        self._moved = 0.0
        self._still = STILL * stage.place.pack.rated_capacity

    def _asked_by(self, link: Link) -> Inquiry:
        return Inquiry(link, beside=self._beside)

    @property
    def next_moment(self) -> float:
        """When something happens next, s of the days."""
        return self._due[0] if self._is_off(self._course.time) else min(self._due[0], self._lost + ENDURED)

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

    def held(self, row: Row) -> None:
        """Show that the step is paused: the car takes and gives nothing until it goes on."""
        if self._link.live:
            seen = self._seen(row, self._course.time)
            self._link.follow(replace(seen, held=True, car=replace(seen.car, charge=0.0, discharge=0.0)))

    def control(self, row: Row, time: float) -> None:
        """See `Control`."""
        self._course.time = time
        trip = self._days.trip_at(time)
        self._site = self._days.site(time) if self._meters is None else self._meters.site(row, self._at_box(row))
        if time - self._looked >= LOOK or (trip is not None) != (self._course.gone is not None):
            self._look(row, time)
        if trip is not None and self._course.gone is not trip:
            self._departed(row, time, trip)
        self._course.gone = trip
        self._hear_of_it(row, time, plugged=trip is None)
        if trip is not None:
            power = -self._car.scale * self._car.driving(time)
            self._side.stop()
            self._side.terminals(power, row, time)
        elif self._is_off(time):
            power = 0.0
            self._side.off()
        else:
            power = self._allowed(time)
            self._side.follow(power, row, time)
        if power or not -self._still <= row[_CURRENT] <= self._still:
            self._moved = time

    # --- what happens ---------------------------------------------------------------------------------------------

    def _hear_of_it(self, row: Row, time: float, *, plugged: bool) -> None:
        """Show, ask and hear: what the manager wants from now on."""
        heard = self._link.follow(self._seen(row, time)) if self._link.live else None
        self._happens(time)
        self._miss()
        self._restart(row, time)
        if self._reasons and not self._inquiry.pending and not self._line.coming:
            self._decide(row, time, plugged)
        if (reply := self._inquiry.reply()) is not None:
            self._hear(reply, time, plugged)
            heard = self._link.follow(self._seen(row, time)) if self._link.live else None
        elif heard is not None:
            self._stand(heard, time, plugged)
        self._acting = None if heard is None else heard.acting

    def _happens(self, time: float) -> None:
        while time + ROUNDING >= self._due[0]:
            self._reasons.add(self._due[1])
            if self._due[1] == "trip":
                self._course.learns()
            self._due = next(self._moments)

    def _miss(self) -> None:
        """Ask at once whoever seems to be there no more: what he asked for last must not act on until the next tick."""
        lost = bool(getattr(self._link, "lost", False))
        if lost and not self._missed and self._answer.power:
            self._reasons.add("tick")
        self._missed = lost

    def _restart(self, row: Row, time: float) -> None:
        again = self._line.restarted(self._stage, down=self._days.suffers("restart", time) is not None)
        if again is None:
            return
        self._link, self._inquiry = again, self._asked_by(again)
        if again.live:
            again.follow(self._seen(row, time))  # before it is asked: what it is asked about is there

    def _look(self, row: Row, time: float) -> None:
        """How far it would get, and how far it has to; and the air around it."""
        allowed = self._allowed(time)
        self._course.count(self._car, row, time, self._car.charger.ac_to_dc(allowed))
        if not self._car.ready:
            return
        self._looked, days, quarter = time, self._days, self._days.quarter(time)
        self._range = self._car.reach(row, time)
        self._needed, self._soc, self._cells = days.reserve, row[_SOC], row[_COLDEST]
        net = {
            columns.RANGE: self._range, columns.RANGE_NEEDED: self._needed, columns.HOUSE: self._site[0],
            columns.SUN: self._site[1], columns.BUY: float(days.buy[quarter]),
            columns.SELL: float(days.sell[quarter]), columns.PLUGGED: float(days.trip_at(time) is None),
        }  # fmt: skip
        for column, value in net.items():
            self._note(column, value)
        if self._link.live:
            self._stays = self._car.kept(self._cells, time), self._car.wanted(self._cells, time)
        if self._course.nears(self._range, days.reserve, gives=allowed < 0):
            self._reasons.add("reserve")
        degrees = self._car.around(time)
        if self._conditioned and degrees != self._degrees:
            self._degrees = degrees
            Leading.around(self._stage.place, "chamber", degrees).ask(self._stage, degrees)

    def _departed(self, row: Row, time: float, trip: Trip) -> None:
        found = self._car.departs(row, time, trip)
        self._stage.log.event(
            "departure", at=time, leaves=self._days.at(trip.leaves).timestamp(), short=round(found.short, 3),
            distance=trip.distance, road=trip.road, withheld=round(self._course.withheld / found.per_km, 3),
            given=round(self._course.given / found.per_km, 3),
        )  # fmt: skip
        self._answer = Answer(0.0)
        self._course.leaves()

    # --- what is decided ------------------------------------------------------------------------------------------

    def _decide(self, row: Row, time: float, plugged: bool) -> None:
        reasons, self._reasons = self._reasons, set()
        self._why = next(each for each in REASONS if each in reasons)
        if self._linked(time):
            car = self._told(row, time)
            self._inquiry.ask(self._asking.request(time, self._why, car, self._site))
            self._knows = {"told_soc": car.soc, "foreseen": self._asking.foreseen_at}
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
        # Lost for as long as nobody has anything valid to say, whoever is to blame: what to do is nobody's word then.
        self._lost = min(self._lost, time) if problem else inf
        self._note(columns.MANAGER_POWER, self._answer.power)
        self._stage.log.event(
            "manager", at=time, reason=self._why, power=self._answer.power, say=answer.say, problem=problem,
            range=round(self._range, 2), needed=self._needed, warned=sorted(answer.warned), **self._knows,
            **self._outlook(time),
        )  # fmt: skip

    def _outlook(self, time: float) -> dict[str, float | None]:
        """The next departure, as it is known, and what will lack there at best; None where nobody could know it."""
        days, trip = self._days, self._days.next_trip(time)
        hidden = any(days.suffers(what, time) is not None for what in DECEIVING)
        if trip is None or hidden or days.unheard(time) is not None or days.trip_at(time) is not None:
            return {"departure": None, "lacks": None}
        lacks = self._car.lacks_at_best(self._soc, self._cells, time, trip)
        return {"departure": days.at(trip.departure(time)).timestamp(), "lacks": round(lacks, 2)}

    # --- what is told ---------------------------------------------------------------------------------------------

    def _linked(self, time: float) -> bool:
        """Whether manager and charger hear each other; from the scan on at which the moment happens."""
        return self._days.unheard(time + ROUNDING) is None

    def _told(self, row: Row, time: float) -> Telling:
        days, scale, volts = self._days, self._car.scale, row[_VOLTAGE]
        takes, gives = (0.0 if isnan(row[limit] * volts) else row[limit] * volts / scale for limit in _LIMITS)
        soc = None if isnan(row[_SOC]) else displayed(days, time, row[_SOC])
        cells = None if isnan(row[_COLDEST]) else row[_COLDEST]
        return Telling(days.trip_at(time) is None, soc, cells, self._car.pack.energy, takes, gives)

    def _seen(self, row: Row, time: float) -> Seen:
        """What a car and its box show, at the scale of a car."""
        days, volts, amps = self._days, row[_VOLTAGE], row[_CURRENT] / self._car.scale
        power, meter = self._at_box(row) / self._car.scale, self._course.meter
        plugged = days.trip_at(time) is None
        meter.count(power if plugged else 0.0, time)
        return Seen(
            time, days.start.timestamp() + time, self._linked(time), self._told(row, time), self._car.own_charger,
            power if plugged else 0.0, volts, amps, meter.taken, meter.given, *self._stays,
            None if self._meters is None else self._meters.mains(row),
        )  # fmt: skip

    def _foreseen(self, time: float) -> dict[str, Vector]:
        seen, share = forecast(self._days, time, HORIZON), self._step.foreseen
        found = {name: getattr(seen, name) for name in SERIES}
        if share is not None:
            ahead = slice(self._days.quarter(time), self._days.quarter(time) + len(seen.house))
            found |= {name: getattr(self._days, name)[ahead] * (share if name in SCALED else 1.0) for name in SERIES}
        return found

    # --- what flows -----------------------------------------------------------------------------------------------

    def _is_off(self, time: float) -> bool:
        """Whether nobody has had anything valid to say for so long that nothing stays switched on."""
        return time + ROUNDING >= self._lost + ENDURED

    def _at_box(self, row: Row) -> float:
        return at_box(self._car, row, self._stage.place.index)

    def _allowed(self, time: float) -> float:
        """W at the bench's charger: within what the charger can and the connection carries."""
        if not self._linked(time):
            return 0.0
        house, sun = self._site
        net = house - sun
        most, least = max(self._step.imports - net, 0.0), min(-self._step.exports - net, 0.0)
        return self._car.charger.allowed(self._car.scale * min(max(self._asked, least), most))

    @property
    def _asked(self) -> float:
        """W that are asked of the charger: as the manager has it, or as its box makes it of that."""
        return self._answer.power if self._acting is None else self._acting
