"""The instruments, each speaking its vendor's dialect as its manual has it; none shares code with its driver.

**To write one** takes one file (or one folder) here, or in a package of your own, and nothing else. It ends in

    SIMULATOR = Simulator("acme-it5000", "IT5000", Settings, build, ports=(…), wire="line", defects=(…), words={…})

Here it is found by that name; in another package an entry point of the group `packbench.simulators`, named like the
simulator, names the object (`acme-it5000 = "acme.simulator:SIMULATOR"`). A station file then says `simulator:
acme-it5000`. What is wrong with it is told in one sentence before anything is plugged in.

*Settings* is a model derived from `instruments.virtual.simulator.Settings` with the simulator's own keys, their units,
ranges and defaults. `simulator`, `model`, `serial_number`, `accuracy` and `errors` belong to every simulator and come
back as `place.specimen`, whose `random` is what errors are drawn from: same seed, same bytes.

*build(settings, place)* makes one specimen for a `Place`: the world's `clock` (s), the `cell`, `series` and `parallel`
of the pack, its `plant` (voltage, temperature, soc of each cell), the `temperature` at first, `properties`, and on CAN
the `channel`. Before it measures at the DC node it calls `settling.settle()`; when something was switched or set it
sets `settling.stale`.

*wire* `"line"`: derive from `dialect.Instrument`. `handle(message)` gets one message and gives a reply, or None for
silence; `ends_on` and `ends_with` are the terminators. A protocol that has none overrides `frames(data)`, which gives
the messages that are complete and the rest, and has `ends_with = b""`; text is Latin-1, so that bytes pass through it
unchanged. It is the same on VISA, on pyserial and on a real wire when it is served. `asks`, `refuse` and `agree` say
how the dialect tells questions from sets and how it complains; `hangs_up_after` when it closes a silent connection.

*wire* `"CAN"`: derive from `simulator.Part`. `place.channel.members[self] = self.receive` joins the bus,
`place.channel.send(self, message)` sends, `transmit()` is called at the end of each advance for what is cyclic. Nodes
whose instruments name one channel are on one bus.

*Time*: whoever overrides one of the hooks of `Part` is called in it: `elapse(duration)` after each step,
`sample(current, voltage)` to look at the battery, `transmit()`, `hasten(speed)` when the world's time passes faster,
`refresh()` when the cells have changed, `shut_down()` at the end.

*ports* (`instruments.virtual.ports`) are where it touches physics; a part lists its own in `self.ports`, and each kind
that it may have is registered. `Source` and `Load` hang on the DC node, any number of them: `self.port` has the set
points, `observe(point)` is told what the node settled at, with one's own current, and returns whether a protection has
switched off on it. `Emulator` is the battery (`plants.Emulated`; one per world, built before there is a `plant`),
`Contactor` lies in the pack's line, `Coolant` is a `Stream` through the pack's plate, `Air` is a chamber's,
`Thermometer` has sensors at named places. A kind of your own is a class derived from `Port`, whose `join(world)`
connects it to what it finds in `Inhabitants`: an insulation tester between the pack and its case needs none for what it
measures, which is a property. What can be on besides the DC node's own (a test voltage) joins `Inhabitants.others`:
observers and the fault campaign then see it stay on.

*properties* are named physical facts that several see: `place.properties.bring("insulation", "Ohm", by=place.name,
default=…, value=…)` has one, `see(…, absent=…)` only looks at it. Read `.value` each time; `.change(value)` returns how
that is ended, as a defect needs it.

*defects* are `DefectKind(form, begin, holder)`: `DefectKind("burden-stuck:<tester>:<Ohm>", begin)`. Several may be in
effect at once: each is begun by a verb of `part.lasting` (or by `part.swap`, for a method), which returns how it alone
is ended (see `instruments.virtual.lasting`); nobody keeps what was there before by himself. Words that several
kinds of instruments have (an error queue that is full, an output that stays on, a chamber that runs away) stand in
`defects.of_instruments` with the verb that each needs; those of lines and of every `Instrument` come by themselves.
A part between angle brackets is a unit (`defects.grammar.READERS`), one of the simulator's `words`, or else the
instrument that is meant.

Write it from the manual, not from the driver. Keep the quirks: they are what breaks drivers.
"""
