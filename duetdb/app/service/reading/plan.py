"""What the database says about how it answers a read: the reply to ``explain``, made readable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

Stage: TypeAlias = Mapping[str, Any]

_INPUTS = ("inputStage", "inputStages", "outerStage", "innerStage", "thenStage", "elseStage")


class Plan:
    """One reply, of a find, a count or an aggregate, from one server or from shards."""

    def __init__(self, reply: Mapping[str, Any]) -> None:
        self._reply = reply

    @property
    def text(self) -> str:
        """The stages, the last one first: ``$group <- FETCH <- IXSCAN``."""
        chains = list(dict.fromkeys(_chain(root) for root in self.roots))
        return " <- ".join([*reversed(self._pipeline), *_together(chains)])

    @property
    def indexes(self) -> list[str]:
        """The names of the indexes used, each once."""
        used = (stage.get("indexName") for root in self.roots for stage in _within(root))
        looked_up = (name for stage in self._stages for name in stage.get("indexesUsed", ()))
        return list(dict.fromkeys(str(each) for each in (*used, *looked_up) if each))

    @cached_property
    def roots(self) -> list[Stage]:
        """The last stage of each winning plan: one, or one for each shard."""
        return [_tree(planner["winningPlan"]) for planner in self._planners]

    @cached_property
    def rejected(self) -> list[Stage]:
        """The last stages of the plans that the database could have taken and did not."""
        found = [plan for planner in self._planners for plan in planner.get("rejectedPlans", ())]
        return [_tree(each) for each in found]

    @property
    def returned(self) -> int:
        """How many documents came out of the last stage."""
        for part in self._parts:
            stages = part.get("stages", ())
            if stages and "nReturned" in stages[-1]:
                return sum(int(each["stages"][-1]["nReturned"]) for each in self._parts)
        return self.total("nReturned")

    def total(self, figure: str) -> int:
        """A figure of the execution, that of all shards together; look-ups included."""
        found = [int(each.get(figure, 0)) for each in self._executions]
        looked_up = [int(each.get(figure, 0)) for each in self._stages]
        return sum(found) + sum(looked_up)

    @cached_property
    def _parts(self) -> list[Mapping[str, Any]]:
        """The reply itself, or for a pipeline on shards what each of them says."""
        shards = self._reply.get("shards")
        return list(shards.values()) if isinstance(shards, Mapping) else [self._reply]

    @cached_property
    def _stages(self) -> list[Stage]:
        """The stages of a pipeline that come after reading."""
        found = [stage for part in self._parts for stage in part.get("stages", ())]
        return [stage for stage in found if _cursor_of(stage) is None]

    @property
    def _pipeline(self) -> list[str]:
        names = [next(iter(stage)) for stage in self._parts[0].get("stages", ())]
        return [name for name in names if name not in _CURSORS]

    @cached_property
    def _cursors(self) -> list[Mapping[str, Any]]:
        """What holds a plan and its execution."""
        found: list[Mapping[str, Any]] = []
        for part in self._parts:
            of_stages = [_cursor_of(stage) for stage in part.get("stages", ())]
            found += [each for each in of_stages if each is not None] or [part]
        return found

    @property
    def _planners(self) -> list[Mapping[str, Any]]:
        whole = [each["queryPlanner"] for each in self._cursors if "queryPlanner" in each]
        return [
            each for planner in whole for each in planner["winningPlan"].get("shards", [planner])
        ]

    @property
    def _executions(self) -> list[Mapping[str, Any]]:
        return [each["executionStats"] for each in self._cursors if "executionStats" in each]


_CURSORS = ("$cursor", "$geoNearCursor")


def inputs(stage: Stage) -> list[Stage]:
    """The stages that this one reads from."""
    found: list[Stage] = []
    for name in _INPUTS:
        below = stage.get(name)
        if below is not None:
            found += below if isinstance(below, list) else [below]
    return found


def _cursor_of(stage: Stage) -> Mapping[str, Any] | None:
    for name in _CURSORS:
        if name in stage:
            found: Mapping[str, Any] = stage[name]
            return found
    return None


def _tree(plan: Stage) -> Stage:
    """A plan as a tree of stages, whichever of its two engines the database runs it by."""
    found: Stage = plan.get("queryPlan", plan)
    return found


def _within(stage: Stage) -> Iterator[Stage]:
    yield stage
    for below in inputs(stage):
        yield from _within(below)


def _chain(stage: Stage) -> str:
    below = list(dict.fromkeys(_chain(each) for each in inputs(stage)))
    return " <- ".join([str(stage.get("stage", "?")), *_together(below)])


def _together(chains: list[str]) -> list[str]:
    return chains if len(chains) < 2 else [f"({', '.join(chains)})"]
