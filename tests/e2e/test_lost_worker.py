"""kill -9 of the worker in the middle of an apply: nothing is lost, nothing is left."""

import os
import signal

from playwright.sync_api import Page, expect

from tests.e2e.stack import Stack, wait_for


def test_a_run_whose_worker_was_killed_ends_as_lost_and_destroy_removes_what_it_made(stack: Stack, page: Page) -> None:
    ec2 = stack.aws("ec2")
    with stack.api() as api:
        ordered = stack.order(api, "lost-vm", "aws/vm", region="us-east-1", size="micro")
        run_id = ordered["run"]["id"]
        filters = [{"Name": "tag:skyvend-resource", "Values": [ordered["id"]]}]

        def instances() -> list[dict]:
            return [
                instance
                for reservation in ec2.describe_instances(Filters=filters)["Reservations"]
                for instance in reservation["Instances"]
                if instance["State"]["Name"] != "terminated"
            ]

        wait_for(instances, "the instance to exist in the cloud")  # the provider now waits before it reports it
        worker = stack.demo["pids"]["worker"]
        os.kill(worker, signal.SIGKILL)

        lost = stack.wait_for_run(api, run_id)
        assert lost["status"] == "lost"
        assert "worker" in lost["error"]["summary"].lower()
        assert api.get(f"/resources/{ordered['id']}").json()["status"] == "failed"
        events = stack.events(api, run_id)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len(instances()) == 1
        page.goto(f"{stack.url}/runs/{run_id}/")
        expect(page.locator("#run-summary[data-status=lost]")).to_contain_text(lost["error"]["summary"])

        wait_for(lambda: stack.demo["pids"]["worker"] not in {0, worker}, "the worker to be started again")
        destroying = api.delete(f"/resources/{ordered['id']}")
        assert destroying.status_code == 202, destroying.text
        assert stack.wait_for_run(api, destroying.json()["run"]["id"])["status"] == "succeeded"
        assert instances() == []
        assert api.get(f"/resources/{ordered['id']}").json()["status"] == "destroyed"
