"""A run, step by step. STEPS is the whole of it; each step raises ``Failed`` or ``Canceled`` to end it early."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import structlog
from django.conf import settings
from django.db import DatabaseError

from clouds import catalogue
from clouds import services as clouds
from clouds.models import CloudAccount
from provisioning import state
from provisioning.events import Recorder
from provisioning.models import IllegalTransition, Operation, Run, RunStatus
from provisioning.terraform import workspace
from provisioning.terraform.diagnostics import CANCELED, Explanation, explain, explain_text
from provisioning.terraform.messages import EventKind
from provisioning.terraform.mirror import NoMirror
from provisioning.terraform.redaction import Redactor

from .adoption import adopt_strays, check_nothing_is_left
from .claiming import claim_next
from .draining import drain, drain_again
from .finishing import Outcome, finish
from .job import Canceled, Failed, Job
from .lease import Lease, LeaseLost
from .presence import Presence, here
from .switching import switch_power
from .tags import tags_of
from .toolchain import runner, runner_for

log = structlog.get_logger(__name__)
APPLY = {
    Operation.CREATE: ("apply", "-refresh=false"),  # nothing exists yet: there is nothing to look at first
    Operation.UPDATE: ("apply",),
    Operation.DESTROY: ("apply", "-destroy"),
    Operation.START: ("apply", "-refresh-only"),  # the cloud was asked already: addresses come and go with it
    Operation.STOP: ("apply", "-refresh-only"),
}
FLAGS = ("-json", "-input=false")


def prepare_module(job: Job) -> None:
    """A folder of this run's own with the module in it, initialised long before."""
    version = job.run.resource.offering_version
    module = settings.TERRAFORM_MODULES / version.directory
    try:
        job.runner = runner_for(module, is_simulated=job.environment is not None and job.environment.is_simulated)
    except NoMirror as problem:
        advice = "Ask your operator to provide it, then try again."
        raise Failed(Explanation(str(problem), advice, code="provider")) from problem
    try:
        job.prepared = workspace.prepare(job.runner, module, version.content_hash)
    except workspace.PreparationFailed as problem:
        raise Failed(explain_text(str(problem))) from problem
    job.workspace = workspace.create(job.runner, job.prepared, str(job.run.pk))


def open_credentials(job: Job) -> None:
    """The cloud account's keys, for this run only."""
    resource = job.run.resource
    if resource.cloud_account_id is None:
        raise Failed(
            Explanation("The cloud account of this resource was deleted.", "Forget the resource.", code="account")
        )
    try:
        job.environment = clouds.runner_environment(
            cloud_account_id=resource.cloud_account_id, region=resource.region, purpose=job.purpose
        )
    except clouds.CloudError as problem:
        raise Failed(Explanation(str(problem), "Replace the account's keys and try again.", code="account")) from None
    job.redactor = Redactor(job.environment.variables, job.environment.secret_files.values())
    simulated = CloudAccount.objects.filter(pk=resource.cloud_account_id, is_sandbox=True)
    if not job.environment.is_simulated and simulated.exists():  # the stand-in providers say it themselves
        job.recorder.say(EventKind.LOG, "Simulated cloud: nothing real is made and nothing costs money.", "warning")


def write_inputs(job: Job) -> None:
    """The module's variables and the provider's overrides."""
    resource = job.run.resource
    variables = catalogue.terraform_variables(
        resource.offering_version,
        job.run.inputs,
        name=resource.name,
        resource_id=str(resource.pk),
        tags=tags_of(job.run),
    )
    environment = job.environment
    files = {**environment.files, **environment.secret_files} if environment else {}
    workspace.write_inputs(job.folder, variables, files)


def bring_state(job: Job) -> None:
    """What earlier runs made. Missing where it must be there is an error, never "nothing to do"."""
    resource = job.run.resource
    job.state_before = state.load(resource)
    if job.state_before is not None:
        workspace.write_state(job.folder, job.state_before)
    elif not resource.needs_adoption and state.must_exist(resource, job.run):
        raise state.MissingState(resource)
    workspace.hand_over(job.folder, job.runner.isolation)


def apply(job: Job) -> None:
    """The one engine process of an ordinary run."""
    if job.run.status == RunStatus.PREPARING:
        job.enter(RunStatus.PLANNING)
    command = _command(job)
    ended = job.engine(*command)
    if not (ended.is_success or ended.is_canceled) and drain_again(job, explain(ended, job.errors).code):
        job.errors.clear()
        ended = job.engine(*command)
    job.lease.require()
    if ended.is_canceled and not ended.is_success:
        raise Canceled("" if job.lease.is_cancel_requested else "The worker was stopped.")
    if not ended.is_success:
        raise Failed(explain(ended, job.errors))
    check_nothing_is_left(job)  # no step of its own: what has succeeded cannot be canceled any more


def _command(job: Job) -> tuple[str, ...]:
    operation = Operation(job.run.operation)
    if operation is Operation.DETECT_DRIFT:
        return ("plan", "-lock=false", *FLAGS)
    if operation is Operation.CREATE and job.state_before is not None:
        operation = Operation.UPDATE  # tried again: what an earlier run made is looked at, it may be gone
    return (*APPLY[operation], "-auto-approve", *FLAGS)


STEPS: tuple[Callable[[Job], None], ...] = (
    open_credentials,
    prepare_module,
    write_inputs,
    bring_state,
    adopt_strays,
    drain,
    switch_power,
    apply,
)


def run_next(worker: Presence | None = None) -> bool:
    """Claim one run and work it to its end. False when there was none to claim, or the worker is going down."""
    worker = worker or here()
    if worker.stopping.is_set() or not worker.slots.acquire(blocking=False):
        return False  # whoever works now rings again at the end of its run
    try:
        run = claim_next(worker.row.pk)
        if run is not None:
            _execute_seen(run, worker)
    finally:
        worker.slots.release()
    return run is not None


def _execute_seen(run: Run, worker: Presence) -> None:
    worker.working.add(run.pk)
    try:
        execute(run, worker)
    finally:
        worker.working.discard(run.pk)


def execute(run: Run, worker: Presence) -> None:
    """Work ``run``, claimed by ``worker``, to its end. Never raises for what a run does wrong.

    Without a database at the end nothing is finished: the workspace stays, the lease runs out and recovery goes on.
    """
    with structlog.contextvars.bound_contextvars(run_id=str(run.pk), request_id=run.request_id), ExitStack() as stack:
        lease = stack.enter_context(Lease(run.pk, worker.row.pk))
        job = Job(
            run=run,
            runner=runner(),
            recorder=Recorder(run.pk),
            lease=lease,
            is_stopping=worker.interrupting.is_set,
            grace=settings.RUN_CANCEL_GRACE,
        )
        log.info("run starts", operation=run.operation, resource=str(run.resource_id))
        try:
            _finish(job, _work(job))
        except (LeaseLost, IllegalTransition):
            log.warning("the run was taken from this worker")
        except DatabaseError:
            log.exception("the run could not be finished; recovery will")


def _work(job: Job) -> Outcome:
    """Every step, and whatever happens the state is saved after them."""
    try:
        outcome = _attempt(job)
    finally:
        saved = _save_state(job)
    if saved is None and outcome.status == RunStatus.SUCCEEDED and _has_no_state(job):
        return _not_kept(job, "the engine left none")
    return outcome if saved is None else saved


def _attempt(job: Job) -> Outcome:
    try:
        job.enter(RunStatus.PREPARING)
        for step in STEPS:
            job.check()
            step(job)
    except Failed as failure:
        return Outcome(RunStatus.FAILED, failure.explanation)
    except state.MissingState as problem:
        advice = "Ask your operator to restore the state, or forget the resource and remove what is left by hand."
        return Outcome(RunStatus.FAILED, Explanation(str(problem), advice, code="missing_state"))
    except Canceled as canceled:
        return _canceled(canceled)
    except (LeaseLost, IllegalTransition, DatabaseError):
        raise
    except Exception as error:
        log.exception("a run broke")
        advice = "Try again. If it stays, ask your operator to look at the worker's log."
        text = f"The platform itself failed ({type(error).__name__})."
        return Outcome(RunStatus.FAILED, Explanation(text, advice, code="platform"))
    return Outcome(RunStatus.SUCCEEDED)


def _canceled(canceled: Canceled) -> Outcome:
    if canceled.reason:  # nobody asked for it: not the user's cancel
        advice = "Try again: what exists already is kept."
        return Outcome(RunStatus.FAILED, Explanation(canceled.reason, advice, code="interrupted"))
    return Outcome(RunStatus.CANCELED, CANCELED)


def _save_state(job: Job) -> Outcome | None:
    """Keep what the engine left; an outcome when that is impossible, since the run cannot count as done then."""
    if job.workspace is None or not job.has_started_engine:
        return None
    body = job.workspace.read_state()
    if body is None:
        return None
    job.recorder.say(EventKind.PHASE, "Saving", phase="saving")
    try:
        state.store(job.run, body)
    except (state.StaleState, ValueError) as problem:
        log.exception("the state was refused")
        return _not_kept(job, str(problem))
    return None


def _not_kept(job: Job, reason: str) -> Outcome:
    """What was made is known to no state now: the next run looks for it by its tags, and the credit stays held."""
    job.has_changed_something = job.is_abrupt = True
    advice = "Try again, or destroy it: both first look for what was made. If it stays, ask your operator."
    return Outcome(RunStatus.FAILED, Explanation(f"The state was not kept: {reason}", advice, code="state"))


def _has_no_state(job: Job) -> bool:
    return job.run.operation != Operation.DESTROY and job.folder.read_state() is None


def _finish(job: Job, outcome: Outcome) -> None:
    job.lease.require()
    outcome.has_changed_something = job.has_changed_something
    outcome.is_abrupt, outcome.is_on = job.is_abrupt, job.is_on
    job.recorder.flush()
    finish(job.run, outcome)
    if job.workspace is not None:
        job.workspace.remove()
