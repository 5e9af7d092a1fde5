"""SchedulerActor: the scheduler as a process of its own."""

from ns_ray.actors.clock import WallClock
from ns_ray.actors.loop_worker import LoopWorker
from ns_ray.actors.orders import Roster
from ns_ray.actors.peers import Meeting
from ns_ray.actors.scheduler import Scheduler
from ns_ray.anchors.award import Award
from ns_ray.anchors.offer import Offer


class SchedulerActor(LoopWorker):
    """See Scheduler."""

    def __init__(self, affinity: list[int]) -> None:
        super().__init__(affinity)
        self._scheduler = Scheduler(WallClock())

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        """See Scheduler."""
        self.beat()
        return await self._scheduler.choose(meeting, offer)

    async def leave(self, run: str, host: str) -> None:
        """See Scheduler."""
        self._scheduler.leave(run, host)

    async def take_roster(self, run: str, roster: Roster) -> None:
        """See Scheduler."""
        self._scheduler.take_roster(run, roster)
