# finding: state: expected running, found created
holder = client.containers.list(filters={"publish": busy})[0].name
!docker rm {holder}
!docker start latecomer
