"""The three tests of every notebook's exercises: a module imports them, and has the tables RIGHT and WRONG.

RIGHT holds (check, answer), WRONG (check, answer, what the reader is told); conftest.py hands them over row by row.
"""


def test_no_answer_is_said_so(check, capsys):
    check(None)
    assert "no answer yet" in capsys.readouterr().out


def test_the_right_answer_is_right(check, right, capsys):
    check(right)
    assert "right ✓" in capsys.readouterr().out


def test_a_mistake_is_named(check, wrong, told, capsys):
    check(wrong)
    printed = capsys.readouterr().out
    assert "not yet" in printed and told in printed
