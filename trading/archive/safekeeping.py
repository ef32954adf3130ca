"""What is done to the data of a stack around Terraform: before it destroys, and after it has made."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading.archive.archives import archives
from trading.archive.cluster import Snapshots
from trading.archive.copies import bring_home, copy_away
from trading.archive.covering import covering
from trading.archive.holdings import DATA, SECURITY, holdings
from trading.archive.keep import ChangedMeanwhileError, Keep
from trading.archive.manifest import Phase, new_generation
from trading.archive.restore import Restore
from trading.archive.source import Source
from trading.archive.telling import Telling
from trading.aws import answering
from trading.engine.order import FRESH, Verb
from trading.errors import OperatorError

if TYPE_CHECKING:
    from trading.archive.shelf import Archive, Shelf
    from trading.engine.engine import Engine
    from trading.engine.order import Step
    from trading.engine.report import Report


@dataclass(frozen=True)
class Safekeeping:
    """For one run of an engine: all that it keeps is one generation."""

    engine: Engine
    generation: str = field(default_factory=new_generation)
    _archives: dict[str, Archive] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, step: Step, report: Report) -> None:
        """Before Terraform works on a stack. Raises OperatorError when it must not."""
        with answering():
            match step.verb, step.stack.layer:
                case Verb.KEEP, _:
                    self._keep(step, Telling("keeping", report, self.engine.processes))
                case Verb.DESTROY, layer if step.keep and layer == DATA:
                    kept = self._keep(step, Telling("keeping", report, self.engine.processes))
                    if kept:
                        self._shelf(step).stand(kept, Phase.DESTROYING)
                case Verb.DESTROY, layer if step.keep and layer == SECURITY:
                    self._require_key_dispensable(step)
                case Verb.DEPLOY, layer if step.restore and layer == DATA:
                    self._begin_restore(step, Telling("restoring", report, self.engine.processes))

    def after(self, step: Step, report: Report) -> None:
        """After Terraform has worked on a stack. Raises OperatorError when its data is not whole."""
        if step.verb is not Verb.DEPLOY or not step.restoring:
            return
        with answering():
            shelf = self._shelf(step)
            manifest = shelf.manifest(step.restore)
            if manifest is None:
                raise OperatorError(f"the archive has no generation {step.restore} any more")
            telling = Telling("restoring", report, self.engine.processes)
            held = holdings(self.engine, step.stack)
            Restore(step.name, held, shelf, manifest, telling).run()

    def _keep(self, step: Step, telling: Telling) -> str | None:
        """The generation that has all of it; None when there is nothing."""
        held, shelf = holdings(self.engine, step.stack), self._shelf(step)
        living = step.verb is Verb.KEEP
        manifest = Keep(step.name, held, shelf, self.generation, telling, living=living).run()
        if manifest is None:
            telling.milestone("there is nothing to keep")
            return None
        copied = copy_away(self.engine, shelf, manifest, telling)
        # That may have taken long, and what is written before Terraform begins is kept by nobody.
        if copied and not living and covering(Source(step.name, held, shelf, telling)) != manifest:
            raise ChangedMeanwhileError(
                f"{step.name} was written to while its copy went to another region: stop who writes,"
                " and go on"
            )
        return manifest.generation

    def _begin_restore(self, step: Step, telling: Telling) -> None:
        shelf = self._shelf(step)
        if step.restore == FRESH:
            if standing := shelf.standing():
                shelf.stand(standing.generation, Phase.DECLINED)
            return
        bring_home(self.engine, shelf, step.restore, telling)
        shelf.stand(step.restore, Phase.RESTORING)

    def _require_key_dispensable(self, step: Step) -> None:
        """Snapshots that nobody has kept may be readable by this key only, such as a final one."""
        shelf = self._shelf(step)
        key = self.engine.outputs([step.stack]).get(step.name, {}).get("kms_key_arn")
        if key is None:
            return
        snapshots = Snapshots(shelf.archive.environment, shelf.region, lambda: None)
        # One of a living cluster is older than what a final snapshot of it has.
        kept = {
            one.database.resource_id for one in shelf.manifests() if one.database and not one.living
        }
        for snapshot in snapshots.under_key(key):
            if snapshot["DbClusterResourceId"] not in kept:
                name = snapshot["DBClusterSnapshotIdentifier"]
                raise OperatorError(
                    f"the snapshot {name} can be read by this key only, and no generation has its"
                    f" rows: copy it under {shelf.archive.kms_key_arn} or delete it, or say"
                    f" --lose-data {step.name}"
                )

    def _shelf(self, step: Step) -> Shelf:
        region = step.stack.region
        assert region is not None
        with self._lock:
            if region not in self._archives:
                self._archives.update(archives(self.engine, {region}))
        return self._archives[region].shelf(self.engine.workspace)
