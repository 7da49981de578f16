"""A sample of the crash scenarios (crash_scenarios.py); `make crash` runs all of them.

Each is run with one kind of item and disturbed at one or two of its steps; by default every fourth.
"""
import pytest
from crash_scenarios import SCENARIOS
from crashing import try_scenario
from scale import amount

DISTURBED = amount(2, 1)


@pytest.mark.parametrize("number", range(0, len(SCENARIOS), amount(1, 4)),
                         ids=lambda number: SCENARIOS[number].name)
def test_killed_and_cut_off(number, tmp_path):
    scenario = SCENARIOS[number]

    def some(disturbances):
        apart = max(1, len(disturbances) // DISTURBED)
        return disturbances[number % apart::apart]

    report = try_scenario(scenario, scenario.kinds[number % len(scenario.kinds)], tmp_path, some)
    assert report.problems == []
    assert report.runs >= min(DISTURBED, report.steps)
