"""One step run: begun where nobody else runs it, started, kept alive, and what came of it written down.

The command runs in a process of its own, which dies with this one; what it prints goes to the step's log. A step is
finished when its command ended with 0 and left its record; then, and only then, `done/STEP.json` is there. A signal to
stop is handed on, and the command has a minute to write a checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from eval_harness.study.engine.attempts import OwnAttempt, begin, read_attempts
from eval_harness.study.engine.gpus import taken_gpus
from eval_harness.study.engine.processes import Stop, check_system, die_with_parent, stoppable
from eval_harness.study.engine.states import attempts_folder, done_file, is_done, log_file, spent
from eval_harness.study.plan import Plan

GRACE_S = 60.0
"""That a command has for its last words after a signal."""
_TAKEN_OVER = "another process has taken the step over"


def run_step(plan: Plan, name: str, *, wait: bool = False, hand_out_gpus: bool = False) -> None:
    """Runs a step unless it is finished.

    Args:
        plan: the study's.
        name: of the step.
        wait: where it is being run elsewhere: wait for that instead of refusing.
        hand_out_gpus: choose the GPUs here; else a scheduler has done it.

    Raises:
        UserError: it failed, is being run elsewhere, or a parent is missing; one line.
    """
    check_system()
    step = plan.step(name)
    missing = [parent for parent in step.parents if not is_done(plan, parent)]
    if missing:
        raise UserError(f"step {name!r} needs {', '.join(missing)} first; run the study, which keeps the order")
    while not is_done(plan, name):
        mine = begin(attempts_folder(plan, name), wait=wait)
        if isinstance(mine, OwnAttempt):
            _run(plan, name, mine, hand_out_gpus)
        elif not mine.ended:
            raise UserError(f"step {name!r} is being run by {mine.who}; wait for it, see `make study-status`")
        elif mine.exit:
            raise UserError(f"step {name!r} failed elsewhere ({mine.who}): {mine.reason}")


def _run(plan: Plan, name: str, mine: OwnAttempt, hand_out_gpus: bool) -> None:
    """One attempt; raises UserError where it fails."""
    log = log_file(plan, name)
    code, reason = 1, "ended by an error of the runner"
    try:
        if is_done(plan, name):  # while another attempt was waited for
            code, reason = 0, ""
            return
        code, reason = _attempt(plan, name, mine, log, hand_out_gpus)
    except UserError as error:
        code, reason = 2, str(error)
    except Stop as stop:
        code, reason = 128 + stop.number, "stopped before it began"
    finally:
        if code == 0 and not is_done(plan, name):  # before its end: who sees that it has ended sees that it is done
            write_json(done_file(plan, name), _done(plan, name, mine))
        mine.end(code, reason or None)
    if code:
        raise UserError(f"step {name!r}: {reason} (log: {log})")


def _attempt(plan: Plan, name: str, mine: OwnAttempt, log: Path, hand_out_gpus: bool) -> tuple[int, str]:
    """(exit code, why it failed) of the command."""
    step = plan.step(name)
    command = [sys.executable, "-m", *plan.command(name)]
    plan.folder(name).mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as printed, contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        if step.gpu and hand_out_gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(stack.enter_context(taken_gpus(step.gpu)))
        began = datetime.now(UTC).isoformat(timespec="seconds")
        head = f"== attempt {mine.number}, {began}, {mine.attempt.host}\n$ {shlex.join(command)}\n"
        printed.write(head.encode())
        printed.flush()
        start = printed.tell()
        work = plan.work if plan.work.is_dir() else None  # on another machine it may be elsewhere
        code, taken_over = _supervise(command, environment, printed, work, mine)
    record = plan.folder(name) / step.record
    if taken_over:
        return code or 1, _TAKEN_OVER
    if code == 0 and not record.exists():
        return 1, f"it ended well and left no {step.record} in {plan.folder(name)}"
    return code, _why(code, log, start) if code else ""


def _supervise(
    command: list[str], environment: dict[str, str], printed: IO[bytes], work: Path | None, mine: OwnAttempt
) -> tuple[int, bool]:
    """(exit code, whether another process has taken the step over) of a command.

    Args:
        command: the whole of it.
        environment: its own.
        printed: where it prints.
        work: where it starts.
        mine: the attempt to keep alive.
    """
    lost: list[bool] = []
    with stoppable():
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

        def give_up() -> None:
            lost.append(True)
            _kill(child)

        mine.keep_alive(child.pid, give_up)
        try:
            return child.wait(), bool(lost)
        except Stop as stop:
            _end(child, stop.number)
            return 128 + stop.number, bool(lost)
        except BaseException:
            _kill(child)
            raise


def _end(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(number)
    try:
        child.wait(GRACE_S)
    except (subprocess.TimeoutExpired, Stop):
        _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The command and what it started."""
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _why(code: int, log: Path, start: int) -> str:
    """One line: the last that the command printed, or the signal that ended it."""
    number = -code if code < 0 else code - 128
    if code < 0 or number in (signal.SIGTERM, signal.SIGINT):
        return f"ended by {signal.Signals(number).name}" + (" (out of memory?)" if number == signal.SIGKILL else "")
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - 20_000))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return (lines[-1].removeprefix("error: ") if lines else "it printed nothing")[:300] + f" (exit code {code})"


def _done(plan: Plan, name: str, mine: OwnAttempt) -> dict[str, object]:
    tries = read_attempts(attempts_folder(plan, name))
    earlier = sum(attempt.seconds for number, attempt in tries.items() if attempt and number != mine.number)
    return {
        "step": name,
        "seconds": round(earlier + mine.seconds, 1),
        "cost_usd": spent(plan.folder(name)),
        "attempts": mine.number,
        "host": mine.attempt.host,
    }
