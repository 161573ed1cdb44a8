# finding: container vault: state: expected running
!docker network connect cellar cashier
!docker network connect cellar vault
!docker network disconnect hall vault
!docker stop -t 5 vault
