# finding: container latecomer: presence: expected there
holder = client.containers.list(filters={"publish": busy})[0].name
!docker rm -f latecomer
