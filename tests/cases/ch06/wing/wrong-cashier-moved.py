# finding: network hall: containers: expected
!docker network connect cellar cashier
!docker network connect cellar vault
!docker network disconnect hall vault
!docker network disconnect hall cashier
