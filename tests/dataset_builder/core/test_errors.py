"""What a user can mend is one line and exit code 2; a bug keeps its traceback."""

from __future__ import annotations

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
