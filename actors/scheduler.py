"""Hosts meet at the scheduler once a slot: it shares out the anchors among all their streams."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ns_ray.actors.clock import RunClock
from ns_ray.actors.orders import Roster
from ns_ray.actors.peers import Meeting
from ns_ray.actors.rounds import Rounds
from ns_ray.anchors.award import Award, award
from ns_ray.anchors.offer import Offer, share_of
from ns_ray.anchors.policies import Policy

_IDLE_SECONDS = 600.0
_REMEMBERED = 32
"""Slots of a plan whose awards are kept, for hosts that have to ask again."""
_EMPTY_RUNS = 4
"""Plans without hosts that are kept: the last host may die before its last epochs are written."""


@dataclass(slots=True)
class _Run:
    """The hosts of one plan.

    Attributes:
        rounds: where they meet.
        version: of the roster.
        given: the latest awards, by slot.
        met: when a host came last.
    """

    rounds: Rounds[tuple[Offer, Policy], Award]
    version: int = -1
    given: dict[int, list[tuple[Offer, Award]]] = field(default_factory=dict)
    met: float = 0.0


class Scheduler:
    """Merges what hosts offer; all that it needs comes with their calls, so that a new one goes on where one died."""

    def __init__(self, clock: RunClock) -> None:
        self._clock = clock
        self._runs: dict[str, _Run] = {}

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        """Share out the anchors of a slot among all hosts' streams, once all that are expected have come.

        A host comes to slots in order. One that asks for a slot that is over gets what its streams got then. Those that
        were not there, or where that is forgotten, get nothing if slots have their time; else what they get apart from
        the others: they were begun again, as their files went with a node.
        """
        run = self._run_of(meeting)
        run.met = self._clock.now()
        self._take(run, meeting.roster)
        if meeting.host in meeting.roster.hosts:
            run.rounds.expect(meeting.host, meeting.number)
        given = await run.rounds.join(meeting.number, meeting.host, (offer, meeting.policy))
        if given is not None:
            return given
        load = next((its.load for _, its in run.given[max(run.given)]), 0.0) if run.given else 0.0
        apart = _nothing(offer, load) if meeting.wait_seconds is not None else _apart(offer, meeting.policy, load)
        return _again(offer, run.given.get(meeting.number, []), apart)

    def leave(self, name: str, host: str) -> None:
        """Expect a host no more, as it has no stream of the plan left."""
        run = self._runs.get(name)
        if run is not None:
            run.rounds.leave(host)
            self._forget_empty()

    def take_roster(self, name: str, roster: Roster) -> None:
        """Learn which hosts have streams of a plan."""
        run = self._runs.get(name)
        if run is not None:
            self._take(run, roster)
            self._forget_empty()

    def _run_of(self, meeting: Meeting) -> _Run:
        run = self._runs.get(meeting.run)
        if run is not None:
            return run

        def closes(_: int) -> float:
            assert meeting.wait_seconds is not None
            return self._clock.now() + meeting.wait_seconds

        async def share(number: int, brought: Mapping[str, tuple[Offer, Policy]]) -> Mapping[str, Award]:
            return self._share(meeting.run, number, brought)

        self._forget_idle()
        made = _Run(Rounds(share, self._clock, None if meeting.wait_seconds is None else closes))
        self._runs[meeting.run] = made
        return made

    def _share(self, name: str, number: int, brought: Mapping[str, tuple[Offer, Policy]]) -> Mapping[str, Award]:
        offers = [offer for offer, _ in brought.values()]
        policy = next(policy for _, policy in brought.values())
        awards = award(offers, policy)
        run = self._runs.get(name)
        if run is not None:
            run.given[number] = list(zip(offers, awards, strict=True))
            for old in sorted(run.given)[:-_REMEMBERED]:
                del run.given[old]
        return dict(zip(brought, awards, strict=True))

    def _take(self, run: _Run, roster: Roster) -> None:
        if roster.version <= run.version:
            return
        run.version = roster.version
        for host in run.rounds.members - roster.hosts:
            run.rounds.leave(host)
        for host in roster.hosts - run.rounds.members:
            run.rounds.expect(host, 0)

    def _forget_idle(self) -> None:
        """Forget plans whose hosts went without a word, and those that a late call has brought back."""
        begin = self._clock.now() - _IDLE_SECONDS
        for name in [name for name, run in self._runs.items() if run.met < begin and not run.rounds.waiting]:
            del self._runs[name]

    def _forget_empty(self) -> None:
        empty = [name for name, run in self._runs.items() if not run.rounds.members]
        for name in empty[:-_EMPTY_RUNS]:
            del self._runs[name]


def _nothing(offer: Offer, load: float) -> Award:
    return Award(np.zeros(len(offer.names), np.int64), np.array(offer.credits, np.float64), load)


def _apart(offer: Offer, policy: Policy, load: float) -> Award:
    """What streams get by themselves, where all streams have so much load."""
    share = share_of(offer, load) if load else 1.0
    (its,) = award([offer], policy.of_share(share))
    return replace(its, load=load or its.load)


def _again(offer: Offer, given: list[tuple[Offer, Award]], apart: Award) -> Award:
    """What streams got in a slot that is over; those that were not there get theirs apart."""
    known = {
        stream: (int(taken), float(credit))
        for past, its in given
        for stream, taken, credit in zip(past.names, its.taken, its.credits, strict=True)
    }
    others = zip(apart.taken.tolist(), apart.credits.tolist(), strict=True)
    got = [known.get(stream, its) for stream, its in zip(offer.names, others, strict=True)]
    return Award(
        np.array([taken for taken, _ in got], np.int64),
        np.array([credit for _, credit in got], np.float64),
        given[0][1].load if given else apart.load,
    )
