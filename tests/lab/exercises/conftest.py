"""A case for each row of a module's tables RIGHT and WRONG, and for each check without an answer."""


def pytest_generate_tests(metafunc):
    names = metafunc.fixturenames
    if "right" in names:
        metafunc.parametrize(("check", "right"), metafunc.module.RIGHT)
    elif "wrong" in names:
        metafunc.parametrize(("check", "wrong", "told"), metafunc.module.WRONG)
    elif "check" in names:
        rows = [*metafunc.module.RIGHT, *metafunc.module.WRONG]
        metafunc.parametrize("check", list(dict.fromkeys(row[0] for row in rows)))
