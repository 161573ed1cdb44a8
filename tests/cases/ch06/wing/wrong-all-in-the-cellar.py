# finding: container guest: networks: expected not 'cellar'
!docker network connect cellar cashier
!docker network connect cellar vault
!docker network connect cellar guest
!docker network disconnect hall vault
