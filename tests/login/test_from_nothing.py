"""A first lab where little is usual: files for oneself alone, and a proxy between oneself and the world."""

from __future__ import annotations

import pytest

from tests.login.person import FIRST_S, lab, newcomer
from tests.login.proxy import company_proxy
from tests.login.test_lab import assert_nothing_left, use

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.mark.parametrize("umask", ["077", "027"])
def test_a_first_lab_behind_a_proxy(umask: str) -> None:
    """Environment and engine image come through it; what is on this machine is never asked of it."""
    with company_proxy() as (address, asked), newcomer() as ann:
        session = [
            f"umask {umask}",
            f"export http_proxy={address} https_proxy={address} HTTP_PROXY={address} HTTPS_PROXY={address}",
            # As a desktop sets it: of a kind that most clients cannot speak to.
            "export all_proxy=socks://127.0.0.1:9/ ALL_PROXY=socks://127.0.0.1:9/",
        ]
        with ann.at_terminal(*session) as terminal, lab(terminal, seconds=FIRST_S) as first:
            use(first)
            assert "Ending JupyterLab and the engine." in first.end()
        assert_nothing_left(ann)
        assert asked, "nothing came by the proxy: the session does not have it"
        assert [one for one in asked if one.startswith(("127.", "localhost"))] == []
