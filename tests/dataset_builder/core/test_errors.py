"""What a user can mend is one line and exit code 2; a bug keeps its traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError, entry_point


def test_a_user_error_is_one_line_on_stderr_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    @entry_point
    def main(argv: object = None) -> None:
        raise UserError("no file x;\n  name one")

    assert main([]) == 2
    assert capsys.readouterr().err == "error: no file x; name one\n"


def test_ctrl_c_is_130_and_success_is_0() -> None:
    @entry_point
    def interrupted(argv: object = None) -> None:
        raise KeyboardInterrupt

    assert interrupted([]) == 130
    assert entry_point(lambda argv: None)([]) == 0


def test_a_bug_keeps_its_traceback() -> None:
    @entry_point
    def main(argv: object = None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main([])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_disk_is_one_line_wherever_it_is_met(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    @entry_point
    def main(argv: object = None) -> None:
        raise OSError(code, os.strerror(code), "outputs/weights.bin")

    assert main([]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: cannot write outputs/weights.bin: {os.strerror(code)}; make room")
    assert printed.count("\n") == 1


def test_a_full_disk_in_the_words_of_a_library_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @entry_point
    def main(argv: object = None) -> None:
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write: No space left on device")


def test_a_file_error_of_another_kind_keeps_its_traceback() -> None:
    @entry_point
    def main(argv: object = None) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file"):
        main([])


def test_the_libraries_bars_and_future_warnings_stay_out_of_a_log(tmp_path: Path) -> None:
    code = (
        "import warnings, os\n"
        "from dataset_builder.core.errors import entry_point\n"
        "@entry_point\n"
        "def main(argv=None):\n"
        "    import datasets, huggingface_hub.utils\n"
        "    warnings.warn('some day', FutureWarning)\n"
        "    assert huggingface_hub.utils.are_progress_bars_disabled()\n"
        "    datasets.Dataset.from_dict({'x': [1, 2]}).map(lambda row: {'y': row['x']})\n"
        "main([])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
