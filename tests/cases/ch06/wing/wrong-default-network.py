# finding: container vault: networks: expected not 'bridge'
!docker network connect cellar cashier
!docker network connect cellar vault
!docker network disconnect hall vault
!docker network connect bridge vault
