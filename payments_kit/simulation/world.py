"""World: one run from its start until nothing is left to do, and the check of the promises."""

import asyncio
import gc
from collections import Counter
from datetime import datetime
from functools import partial

from attrs import asdict, frozen

from application.ports.gateway_notifications import Notification, PaymentNotification
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.actors import SECRETS
from payments_kit.simulation.banks import Banks
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.cluster import Cluster
from payments_kit.simulation.debits import Debits
from payments_kit.simulation.declined_cards import known_limits, limits_of
from payments_kit.simulation.disputes import Disputes
from payments_kit.simulation.edges import Edges
from payments_kit.simulation.failover import Failover
from payments_kit.simulation.faults import LOSSES, FaultInjector, FaultKind, FaultOccurrence
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.holds import Holds
from payments_kit.simulation.invariants import broken_promises
from payments_kit.simulation.letters import Letters
from payments_kit.simulation.logs import collecting_errors
from payments_kit.simulation.loop import Deadlock, RunTooLong, SimulatedLoop
from payments_kit.simulation.novelty import Novelty
from payments_kit.simulation.observations import Observations
from payments_kit.simulation.orders_service import OrderEvents
from payments_kit.simulation.outages import begin_outage
from payments_kit.simulation.participants import Participants
from payments_kit.simulation.places import Places
from payments_kit.simulation.process import SimulatedProcess, current_name
from payments_kit.simulation.rest import finish
from payments_kit.simulation.runtime import FIRST_GATEWAY, SECOND_GATEWAY, SimulatedRuntime
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.snapshot import take_snapshot
from payments_kit.simulation.streams import LOOP, Streams
from payments_kit.simulation.trace import Line, Trace, digest_of
from payments_kit.simulation.webhooks import Webhooks
from payments_kit.simulation.workloads import Workload


@frozen
class RunResult:
    """The result of a run."""

    scenario: Scenario
    broken: list[str]
    """The broken promises and unexpected errors."""
    names: list[str]
    """The orders and customers that took part."""
    lines: list[Line]
    happened: Counter[FaultKind]
    activities: Counter[Activity]
    occurrences: list[FaultOccurrence]
    steps: int
    seconds: float
    """Virtual time."""

    @property
    def digest(self) -> str:
        """The digest of the trace: equal runs have equal ones."""
        return digest_of(self.lines)


class World:
    """Everything that takes part in one run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.stream = Streams(scenario.seed, scenario.branches)
        self.loop = SimulatedLoop(scenario.seed, stream=self.stream(LOOP))
        self.trace = Trace(self.loop.time)
        self.injector = FaultInjector(
            self.stream,
            scenario.rates,
            scenario.suppressed,
            self.trace.record,
            current_name,
            scenario.only,
            scenario.placed,
            scenario.later,
        )
        self.injector.edges = Edges(scenario.edges, self.stream("edges"))
        self.runtime = SimulatedRuntime(
            self.loop,
            self.injector,
            self.trace,
            scenario.latency,
            self._send_notification,
            self.on_crash,
            (FIRST_GATEWAY, SECOND_GATEWAY) if scenario.second else (FIRST_GATEWAY,),
            limits_of(scenario),
        )
        self.loop.on_crash = self.on_crash
        parts = self.loop, self.injector, self.trace
        self.letters = Letters(*parts, self.runtime.broker, self.stream("letters"))
        self.cluster = Cluster(*parts, self.runtime, self.stream, self.letters)
        self.clients = Clients(*parts, self.cluster)
        self.webhooks = Webhooks(*parts, self.cluster, self.stream("webhooks"))
        self.fail_over = Failover(self.runtime, self.webhooks)
        for faults in self.runtime.gateway_faults.values():
            faults.fail_over = self.fail_over
        if scenario.placed or scenario.branches:
            outage = partial(begin_outage, runtime=self.runtime, fail_over=self.fail_over)
            places = Places(self.loop, self.injector, outage, scenario, self.stream)
            self.runtime.watch.on_change = places.after_change
        self.gateway = GatewayEvents(self.runtime.ledgers, self.injector)
        self.debits = Debits(*parts, self.gateway, self.stream("debits"))
        self.holds = Holds(self.loop, self.trace, self.gateway, self.runtime.now)
        self.disputes = Disputes(
            *(*parts, self.gateway, self._send_notification, self.stream("disputes")),
            self.runtime.now,
        )
        self.orders = OrderEvents(self.injector, self.trace, self.runtime.publish)
        sending = self._send_notification
        self.banks = Banks(
            self.injector, self.trace, self.gateway, sending, self.stream("banks"), self.runtime.now
        )
        self.participants = Participants(
            scenario,
            self.stream,
            self.runtime,
            self.clients,
            self.gateway,
            self.orders,
            self.webhooks,
            self.banks,
            self.disputes,
            self.holds,
        )
        self.unexpected: list[str] = []
        self._healed_at: datetime | None = None
        self._was_reconciled = False

    def note_novelty(self) -> Novelty:
        """Note what the run reaches, for a guided search."""
        novelty = self.runtime.watch.novelty = Novelty(self.injector, self.runtime.now)
        return novelty

    def run(self) -> RunResult:
        """Run the scenario, end all faults, wait until nothing is left to do, and check.

        Garbage is collected afterwards: a seventh of the time went into looking for it.
        """
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return self._simulate_and_check()
        finally:
            if was_enabled:
                gc.enable()

    def _simulate_and_check(self) -> RunResult:
        with collecting_errors(self.report_unexpected):
            try:
                self.loop.simulate(self.main())
                broken = broken_promises(self.observe())
            # The storage always works at the end: what cannot be written then never can.
            except (Deadlock, RunTooLong, StorageUnavailable) as error:
                broken = [f"9: the run did not end: {type(error).__name__}: {error}"]
            except Exception as error:
                error.add_note(f"in the run of seed {self.scenario.seed}")
                raise
        return RunResult(
            scenario=self.scenario,
            broken=[*dict.fromkeys((*self.unexpected, *self.runtime.watch.broken)), *broken],
            names=self.participants.names,
            lines=self.trace.lines,
            happened=self.injector.happened,
            activities=self.trace.activities,
            occurrences=self.injector.occurrences,
            steps=self.loop.steps,
            seconds=self.loop.time(),
        )

    async def main(self) -> None:
        """Let all actors act, then finish what is left."""
        self.cluster.start(self.scenario.serves, self.scenario.workers)
        await asyncio.gather(*self.participants.begin(self.fail_over))
        await self.come_to_rest()

    def report_unexpected(self, error: BaseException) -> None:
        """Record an error that should never happen."""
        what = f"0: unexpected error: {type(error).__name__}: {error}"
        self.trace.record("world", what)
        self.unexpected.append(what)

    def on_crash(self, process: SimulatedProcess) -> None:
        """Handle the crash of a process."""
        self.cluster.on_crash(process)

    def _send_notification(self, gateway: str, notification: Notification) -> None:
        if isinstance(notification, PaymentNotification):
            self.debits.notice(notification.payment_id)
            self.holds.notice(notification.payment_id)
            self.disputes.notice(notification.payment_id)
        if self.scenario.webhooks:
            tells_refunded = Workload.TELLS_REFUNDED in self.scenario.workloads
            told = self.gateway.with_refunded(notification) if tells_refunded else notification
            self.webhooks.send(gateway, told)

    # --- the end of a run ----------------------------------------------------------------------

    async def come_to_rest(self) -> None:
        """End all faults, then let one worker finish what is left."""
        # Most refunds still wait for a bank, which decides as long as it may reject them.
        await self.banks.complete_refunds()
        self.banks.forget_refunds(self.runtime.watch.known_refunds)
        self.trace.record("world", "all faults stop")
        self.runtime.heal()
        self._healed_at = self.runtime.now()
        self.cluster.stop_workers()
        last = self.cluster.new_worker("worker0")
        parts = self.runtime, self.banks, lambda: bool(self.unexpected)
        await self.loop.spawn(last.process, finish(last, *parts, self._before_reconciling))

    def _before_reconciling(self) -> None:
        self._was_reconciled = True
        self.runtime.watch.reports(self.webhooks.reports)

    def observe(self) -> Observations:
        """Collect everything that the promises are checked on."""
        seen = take_snapshot(self.runtime, [gone for gone, _ in self.banks.forgotten])
        return Observations(
            **asdict(seen, recurse=False),
            forgotten_refunds=[name for _, name in self.banks.forgotten],
            was_reconciled=self._was_reconciled,
            replies=self.clients.replies,
            acknowledged=self.orders.acknowledged,
            malformed=self.orders.malformed,
            rejected=self.runtime.parking.rejected,
            replayed=self.letters.replayed,
            has_lost_transactions=any(self.injector.happened[each] for each in LOSSES),
            disputes=self.disputes.reported(self.webhooks.confirmed),
            attempts=self.clients.attempts,
            decline_limits=known_limits(self.scenario, self.injector),
            never_wanted=self.runtime.watch.never_wanted,
            captures_asked=[*self.clients.captures_asked, *self.gateway.captures_asked],
            live=self.runtime.watch.live,
            reviewed=self.clients.reviewed,
            healed_at=self._healed_at,
            secrets=SECRETS,
        )
