"""What the same attacks are worth on plain nbgrader, really run: the table's other column."""

from __future__ import annotations

import pytest

from tests.grading.hostile import table
from tests.grading.hostile.attacks import ATTACKS
from tests.grading.hostile.stock import Stock, graded_alone, half_right, make_stock_course

pytestmark = pytest.mark.timeout(3000)
"""The first test to run waits for all of them."""
RUN = [attack for attack in ATTACKS if not attack.stock]


@pytest.fixture(scope="session")
def stock(tmp_path_factory, engine_image):
    root = tmp_path_factory.mktemp("stock")
    found = Stock(make_stock_course(root / "course"), root)
    yield found
    found.close()


@pytest.fixture(scope="session")
def stock_scores(request, stock):
    specs = [getattr(item, "callspec", None) for item in request.session.items if "stock" in item.name]
    return stock.scores([spec.params["attack"] for spec in specs if spec and "attack" in spec.params])


@pytest.mark.parametrize(
    ("solved", "points"), [(("greeter", "sum"), "5"), (("sum",), "2"), (("greeter",), "3"), ((), "0")]
)
@pytest.mark.slow
def test_stock_gives_honest_work_its_points(stock, tmp_path, solved, points):
    course = stock._course
    graded_alone(course, tmp_path / "course", "honest", half_right(course, solved))
    assert stock.score(tmp_path / "course", "honest")[0] == points


@pytest.mark.slow
@pytest.mark.parametrize("attack", RUN, ids=str)
def test_stock_is_really_run(attack, stock_scores, pytestconfig):
    score, log = stock_scores[attack]
    table.note(pytestconfig, table.STOCK, attack, score)
    assert score in ("aborted", "hung", "no score") or float(score) >= 0, log
